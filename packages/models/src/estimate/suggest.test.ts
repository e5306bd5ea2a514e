import { ConfigError, LimitError } from "@dilated/core";
import { coverage } from "@dilated/kernels";
import { fc, test as property } from "@fast-check/vitest";
import { expect, it } from "vitest";
import { resolveLongNetLM } from "../longnet-lm/config.ts";
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

property.prop([
  fc.oneof(
    fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    fc.integer({ min: 0, max: 30 }).map((k) => 2 ** k),
  ),
  fc.integer({ min: 1, max: 64 }),
])("always has an answer without a budget, which a model takes", (N, H) => {
  const branches = suggestBranches(N, H);
  expect(branches.at(-1)?.segment).toBe(N);
  expect(Math.max(...branches.map(({ dilation }) => dilation))).toBeLessThanOrEqual(H);
  expect(resolveLongNetLM({ vocab: 8, layers: 1, heads: H, dim: 4 * H, branches }).branches).toEqual(branches);
});

property.prop([
  fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  fc.integer({ min: 1, max: 64 }),
  fc.integer({ min: 1, max: 500 }),
  fc.integer({ min: 1, max: 500 }),
])("takes the budget that it advises", (N, H, pairs, rows) => {
  const advised = (): { pairs: number; rows: number } | undefined => {
    try {
      suggestBranches(N, H, { pairs, rows });
      return undefined;
    } catch (error) {
      const [, p, r] = /pass \{ pairs: (\d+), rows: (\d+) \}/.exec((error as LimitError).fix ?? "") ?? [];
      return { pairs: Number(p), rows: Number(r) };
    }
  };
  const budget = advised();
  if (budget) expect(suggestBranches(N, H, budget).at(-1)?.segment).toBe(N);
});
