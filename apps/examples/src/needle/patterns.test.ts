import { coverage } from "@dilated/kernels";
import { expect, test } from "vitest";
import { headsFor, patternsFor } from "./patterns.ts";

test("the default: dilated attention costs less than local, and reaches everything in two layers", () => {
  const { dilated, local, dense } = patternsFor({ length: 1024, heads: headsFor(1024), layers: 2 });
  expect(dilated.branches).toEqual([
    { segment: 8, dilation: 1 },
    { segment: 64, dilation: 2 },
    { segment: 256, dilation: 4 },
    { segment: 1024, dilation: 8 },
  ]);
  expect(local.branches).toEqual([{ segment: 64, dilation: 1 }]);
  expect([dilated.pairs, local.pairs, dense.pairs]).toEqual([237_056, 266_240, 4_198_400]);
  expect(dilated.reach).toBe(1);
  expect(local.reach).toBeCloseTo(63 / 1023, 12);
  expect(dense.reach).toBe(1);
});

test.each([64, 128, 256, 512, 2048, 4096, 8192, 16_384])("at %i tokens the same holds", (length) => {
  const heads = headsFor(length);
  const { dilated, local } = patternsFor({ length, heads, layers: 2 });
  expect(dilated.reach).toBe(1);
  expect(dilated.pairs).toBeLessThanOrEqual(local.pairs);
  expect(local.reach).toBeLessThan(0.6);
  expect(dilated.branches.at(-1)).toEqual({ segment: length, dilation: heads });
  expect(coverage({ N: length, H: heads }, { branches: dilated.branches }).uncovered).toBe(0);
});

test("one layer does not reach everything: places of other residues are two steps away", () => {
  expect(patternsFor({ length: 1024, heads: 8, layers: 1 }).dilated.reach).toBeLessThan(0.2);
});
