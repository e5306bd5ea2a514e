import { ConfigError } from "@dilated/core";
import { expect, test } from "vitest";
import { oneCycle, type Schedule, warmupConstant, warmupCosine, warmupInverseSqrt, warmupLinear } from "./schedule.ts";

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
  { peak: 1, total: 10, warmpu: 3 },
])("refuses %o", (options) => {
  expect(() => warmupCosine(options)).toThrow(ConfigError);
  expect(() => warmupLinear(options)).toThrow(ConfigError);
});

const at = (rate: Schedule, ...steps: number[]): number[] => steps.map((step) => Number(rate(step).toFixed(9)));

test("linear, constant and inverse square root rise alike and go their ways", () => {
  expect(at(warmupLinear({ peak: 1, warmup: 4, total: 14, floor: 0 }), 0, 3, 4, 9, 14, 20)).toEqual([
    0.25, 1, 1, 0.5, 0, 0,
  ]);
  expect(at(warmupConstant({ peak: 2, warmup: 4 }), 0, 3, 4, 1e6)).toEqual([0.5, 2, 2, 2]);
  expect(at(warmupConstant({ peak: 2 }), 0)).toEqual([2]);
  expect(at(warmupInverseSqrt({ peak: 1, warmup: 4 }), 0, 3, 15, 399)).toEqual([0.25, 1, 0.5, 0.1]);
  expect(() => warmupConstant({ peak: 1, warmup: -1 })).toThrow(ConfigError);
});

test("one cycle goes from start over the peak to the end", () => {
  const rate = oneCycle({ peak: 1, total: 101, rise: 0.2, start: 0.1, end: 0.01 });
  expect(at(rate, 0, 10, 20, 60, 100, 500)).toEqual([0.1, 0.55, 1, 0.505, 0.01, 0.01]);
  expect(oneCycle({ peak: 1, total: 50 })(0)).toBeCloseTo(1 / 25, 12);
  expect(() => oneCycle({ peak: 1, total: 50, start: 2 })).toThrow(ConfigError);
});
