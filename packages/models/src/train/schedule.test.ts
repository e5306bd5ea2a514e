import { ConfigError } from "@dilated/core";
import { expect, test } from "vitest";
import { warmupCosine } from "./schedule.ts";

test("rises linearly, peaks after warm-up, falls to the floor and stays there", () => {
  const rate = warmupCosine({ peak: 1, warmup: 4, total: 14, floor: 0.1 });
  expect([0, 1, 2, 3].map(rate)).toEqual([0.25, 0.5, 0.75, 1]);
  expect(rate(4)).toBeCloseTo(1, 12);
  expect(rate(9)).toBeCloseTo(0.55, 12);
  expect(rate(14)).toBeCloseTo(0.1, 12);
  expect(rate(99)).toBeCloseTo(0.1, 12);
});

test("never rises after the peak", () => {
  const rate = warmupCosine({ peak: 3e-3, warmup: 10, total: 200 });
  for (let step = 10; step < 220; step++) expect(rate(step + 1)).toBeLessThanOrEqual(rate(step));
});

test.each([
  { peak: 0, total: 10 },
  { peak: 1, total: 10, warmup: 10 },
  { peak: 1, floor: 2, total: 10 },
  { peak: Number.NaN, total: 10 },
])("refuses %o", (options) => {
  expect(() => warmupCosine(options)).toThrow(ConfigError);
});
