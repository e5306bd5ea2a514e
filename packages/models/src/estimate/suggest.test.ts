import { ConfigError, LimitError } from "@dilated/core";
import { coverage } from "@dilated/kernels";
import { expect, it } from "vitest";
import { suggestBranches } from "./suggest.ts";

const cost = (branches: readonly { segment: number; dilation: number }[], power: number) =>
  branches.reduce((total, { segment, dilation }) => total + segment / dilation ** power, 0);

it.each([
  [100, 2],
  [4096, 1],
  [32_768, 12],
  [1_048_576, 16],
])("a ladder for N = %i, H = %i keeps to the budget and reaches all tokens", (N, H) => {
  const branches = suggestBranches(N, H, { pairs: 8192 });
  expect(branches.at(-1)?.segment).toBe(N);
  expect(cost(branches, 2)).toBeLessThanOrEqual(8192);
  expect(Math.max(...branches.map(({ dilation }) => dilation))).toBeLessThanOrEqual(H);
  expect(coverage({ N: Math.min(N, 5000), H }, { branches }).uncovered).toBe(0);
});

it("is dense where that is cheap enough, and heeds the rows of the cache", () => {
  expect(suggestBranches(2048, 8)).toEqual([{ segment: 2048, dilation: 1 }]);
  const branches = suggestBranches(65_536, 16, { rows: 12_000 });
  expect(cost(branches, 1)).toBeLessThanOrEqual(12_000);
  expect(suggestBranches(32_768, 12).map(({ segment, dilation }) => `${segment}/${dilation}`)).toEqual([
    "2048/1",
    "4096/2",
    "8192/4",
    "16384/8",
    "32768/12",
  ]);
});

it("says what the cheapest ladder costs", () => {
  expect(() => suggestBranches(1_048_576, 1, { pairs: 100 })).toThrow(LimitError);
  expect(() => suggestBranches(1_048_576, 1, { pairs: 100 })).toThrow(/cheapest: \d+ pairs/);
});

it.each([
  [0, 4, {}],
  [16, 1.5, {}],
  [16, 4, { pears: 3 }],
  [16, 4, { pairs: -1 }],
])("refuses %s %s %o", (N, H, budget) => {
  expect(() => suggestBranches(N, H, budget as object)).toThrow(ConfigError);
});
