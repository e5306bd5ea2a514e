import { ConfigError, type DType } from "@dilated/core";
import { validateWgsl } from "@dilated-internal/testing/validate-wgsl";
import { describe, expect, test } from "vitest";
import { liveRows } from "../attention/op/coverage.ts";
import { decodePlan } from "./decode-plan.ts";
import { appendKernel, attendKernel, combineKernel } from "./kernels.ts";

const ladder = [
  { segment: 2048, dilation: 1 },
  { segment: 8192, dilation: 4 },
  { segment: 32_768, dilation: 16 },
];

describe("decodePlan", () => {
  test("keeps as many rows as later tokens can see, however long the text", () => {
    const plan = decodePlan({ H: 12, D: 64 }, { branches: ladder });
    expect(plan.rows).toBe(liveRows({ N: 2 ** 24, H: 12 }, { branches: ladder }).total);
    expect(plan.rows).toBeLessThanOrEqual(12 * (2048 + 2048 + 2048));
    expect(plan.period).toBe(32_768);
  });

  test("heads of one key/value head share rows that are the same", () => {
    const plan = decodePlan({ H: 8, G: 2, D: 64 }, { branches: ladder.slice(0, 2) });
    expect(plan.streams.filter(({ r }) => r === 1)).toHaveLength(2);
    expect(plan.heads.every((streams) => streams.length === 2)).toBe(true);
  });

  test("buffers are no longer than the text may become", () => {
    expect(decodePlan({ H: 1, D: 4 }, { branches: ladder, length: 100 }).rows).toBe(100 + 25 + 7);
    const cut = [8, 4096].map((segment) => ({ segment, dilation: 1 }));
    expect(decodePlan({ H: 1, D: 4 }, { branches: cut, length: 100 }).period).toBe(Number.POSITIVE_INFINITY);
  });

  test("segments without a common boundary in reach have no period", () => {
    const branches = [4093, 4091, 4079].map((segment) => ({ segment, dilation: 1 }));
    expect(decodePlan({ H: 1, D: 4 }, { branches }).period).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([
    { length: 0 },
    { length: 2.5 },
    { xposScaleBase: -1 },
    { branches: [] },
    { causal: false },
    { dropout: 0.1 },
  ])("refuses %o", (bad) => {
    expect(() => decodePlan({ H: 1, D: 4 }, { branches: ladder, ...bad } as never)).toThrow(ConfigError);
  });
});

test("every variant of the kernels compiles within plain WebGPU", async () => {
  for (const float of ["f32", "f16"] as const) {
    for (const cache of ["f32", "f16"] as const) {
      for (const decay of ["f32", undefined] as (DType | undefined)[]) {
        const append = [float, float, "i32", "u32", decay, cache, cache] as const;
        expect(await validateWgsl(appendKernel, { dtypes: append, constants: { LANES: 256 } })).toEqual([]);
        for (const QUADS of [1, 5, 64]) {
          const attend = (stats: DType | undefined) =>
            [float, cache, cache, "i32", "u32", decay, stats ?? float, stats] as const;
          for (const stats of ["f32", undefined] as const)
            expect(
              await validateWgsl(attendKernel, { dtypes: attend(stats), constants: { LANES: 128, QUADS } }),
            ).toEqual([]);
        }
      }
    }
    expect(await validateWgsl(combineKernel, { dtypes: ["f32", "f32", float], constants: { LANES: 256 } })).toEqual([]);
  }
});
