import { ConfigError } from "@dilated/core";
import { attentionCase } from "@dilated-internal/attention-kit/arbitrary";
import { resolveCase } from "@dilated-internal/attention-kit/cases";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attentionFlops, countPairs, coverage, liveRows } from "../op/coverage.ts";
import { keysOfRow } from "../oracle/dilated.ts";
import { geometricBranches } from "./branches.ts";

const pairs = (options: Parameters<typeof geometricBranches>[0]) =>
  geometricBranches(options).map(({ segment, dilation }) => [segment, dilation]);

describe("geometricBranches", () => {
  it("is the paper's ladder", () => {
    expect(pairs({ from: 2048, to: 32768 })).toEqual([
      [2048, 1],
      [4096, 2],
      [8192, 4],
      [16384, 8],
      [32768, 16],
    ]);
  });
  it("takes a ratio and a largest dilation, ends exactly at `to`", () => {
    expect(pairs({ from: 1024, to: 65536, ratio: 4 })).toEqual([
      [1024, 1],
      [4096, 4],
      [16384, 16],
      [65536, 64],
    ]);
    expect(pairs({ from: 2048, to: 32768, maxDilation: 6 })).toEqual([
      [2048, 1],
      [4096, 2],
      [8192, 4],
      [16384, 6],
      [32768, 6],
    ]);
    expect(pairs({ from: 2048, to: 5000 })).toEqual([
      [2048, 1],
      [4096, 2],
      [5000, 4],
    ]);
    expect(pairs({ from: 64, to: 64 })).toEqual([[64, 1]]);
  });
  it.each<[unknown, RegExp]>([
    [{ from: 0, to: 8 }, /from/],
    [{ from: 8, to: 4 }, /to: must be at least from = 8/],
    [{ from: 1.5, to: 4 }, /from/],
    [{ from: 1, to: 4, ratio: 1 }, /ratio/],
    [{ from: 1, to: 4, ratio: 1.5 }, /ratio/],
    [{ from: 1, to: 4, maxDilation: 0 }, /maxDilation/],
    [{ from: 1, to: Number.NaN }, /to/],
    [{ from: 1, to: 4, base: 3 }, /base: unknown; known: from, to/],
  ])("refuses %j", (options, message) => {
    expect(() => geometricBranches(options as never)).toThrow(ConfigError);
    expect(() => geometricBranches(options as never)).toThrow(message);
  });
});

describe("coverage", () => {
  it("is whole with a branch of dilation 1, and names what a ladder without one leaves out", () => {
    expect(coverage({ N: 1000, H: 2 }, { branches: geometricBranches({ from: 16, to: 64 }) })).toMatchObject({
      uncovered: 0,
      total: 2000,
      fraction: 0,
    });
    const holes = coverage({ N: 8, H: 2 }, { branches: [{ segment: 8, dilation: 4 }] });
    expect(holes).toEqual({
      uncovered: 12,
      total: 16,
      fraction: 0.75,
      perHead: [6, 6],
      examples: [
        [0, 1],
        [0, 2],
        [0, 3],
        [0, 5],
        [0, 6],
        [0, 7],
        [1, 0],
        [1, 2],
      ],
    });
  });
});

describe("counts agree with the oracle's multiset", () => {
  it("coverage, pairs and live rows of random configurations", () => {
    fc.assert(
      fc.property(
        attentionCase({ N: 60 }).filter(({ M }) => M === undefined),
        (test) => {
          const resolved = resolveCase(test);
          const { N, H, D, Dv, B } = resolved;
          const seen = Array.from({ length: H * N }, (_, at) => keysOfRow(resolved, Math.floor(at / N), at % N));
          expect(coverage({ N, H }, test.options).uncovered).toBe(seen.filter((parts) => parts.length === 0).length);
          const count = seen.flat().reduce((sum, { keys }) => sum + keys.length, 0);
          expect(countPairs(resolved)).toBe(count);
          expect(attentionFlops({ B, N, H, D, Dv }, test.options).exact).toBe(2 * (D + Dv) * B * count);
          const most = liveRows({ N, H }, test.options).perHead;
          seen.forEach((parts, at) => {
            expect(parts.reduce((sum, { keys }) => sum + keys.length, 0)).toBeLessThanOrEqual(
              most[Math.floor(at / N)] as number,
            );
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it("nominal work is the convention of the benchmarks, and exact where everything divides", () => {
    const branches = geometricBranches({ from: 2048, to: 32768 });
    const { exact, nominal } = attentionFlops({ N: 131072, H: 16, D: 64 }, { branches });
    expect(nominal).toBe(4 * 64 * 16 * 131072 * (2048 + 1024 + 512 + 256 + 128));
    expect(exact).toBe(nominal);
    expect(liveRows({ N: 131072, H: 16 }, { branches }).total).toBe(16 * 5 * 2048);
  });
});
