import { ConfigError } from "@dilated/core";
import { describe, expect, it } from "vitest";
import { blockMask, type MaskFunction } from "../mask/build.ts";
import { andMasks } from "../mask/combine.ts";
import { faultsOf, seenBy } from "../mask/test-utils/seen.ts";
import { maskToLists } from "../mask/to-lists.ts";
import { documents, prefixLM } from "./documents.ts";
import { bigBird, randomBlocks } from "./random.ts";
import { dilatedBlocks, fixedPattern, hierarchical, longNetBlocks, strided } from "./strides.ts";
import { causal, causalWindow, globalTokens, longformer, sinkWindow, slidingWindow } from "./windows.ts";

const N = 205;
const at = (t: number, size: number): number => Math.floor(t / size);
const ids = Array.from({ length: N }, (_, t) => (t >= 200 ? -1 : [20, 90, 91, 140, 200].findIndex((end) => t < end)));

/** Each pattern, and what it is in the words of its paper. */
const PATTERNS: Readonly<
  Record<string, readonly [MaskFunction, (q: number, k: number, h: number, b: number) => boolean]>
> = {
  causal: [causal, (q, k) => k <= q],
  "sliding window": [slidingWindow({ left: 30, right: 7 }), (q, k) => k >= q - 30 && k <= q + 7],
  "causal window": [causalWindow(40), (q, k) => k <= q && k > q - 40],
  "global tokens": [globalTokens(5), (q, k) => q < 5 || k < 5],
  longformer: [longformer({ window: 33, global: 3 }), (q, k) => Math.abs(q - k) <= 16 || q < 3 || k < 3],
  "sink + window": [sinkWindow({ window: 20, sinks: 4 }), (q, k) => k <= q && (k > q - 20 || k < 4)],
  strided: [strided(16), (q, k) => k <= q && (q - k < 16 || (q - k) % 16 === 0)],
  fixed: [fixedPattern({ stride: 24, summary: 3 }), (q, k) => k <= q && (at(q, 24) === at(k, 24) || k % 24 >= 21)],
  "dilated blocks": [
    dilatedBlocks({ block: 16, dilation: 3, count: 2 }),
    (q, k) => [-6, -3, 0, 3, 6].includes(at(q, 16) - at(k, 16)),
  ],
  hierarchical: [
    hierarchical({ stretch: 8, fanout: 4, levels: 3 }),
    (q, k) =>
      k <= q &&
      (at(q, 8) === at(k, 8) ||
        (k % 8 === 7 && at(q, 32) === at(k, 32)) ||
        (k % 32 === 31 && at(q, 128) === at(k, 128))),
  ],
  "LongNet in blocks": [
    longNetBlocks({
      branches: [
        { segment: 32, dilation: 1 },
        { segment: 128, dilation: 4 },
      ],
      block: 16,
    }),
    (q, k, h) =>
      at(q, 32) === at(k, 32) || (at(q, 128) === at(k, 128) && [q, k].every((t) => at(t % 128, 16) % 4 === h % 4)),
  ],
  documents: [documents({ lengths: [20, 70, 1, 49, 0, 60], N }), (q, k) => ids[q] === ids[k] && (ids[q] ?? -1) >= 0],
  "documents by number": [documents({ ids }), (q, k) => ids[q] === ids[k] && (ids[q] ?? -1) >= 0],
  "documents of batch rows": [
    documents({ ids: [...ids, ...ids.map(() => 1)], B: 2 }),
    (q, k, _, b) => b === 1 || (ids[q] === ids[k] && (ids[q] ?? -1) >= 0),
  ],
  "prefix LM": [prefixLM(50), (q, k) => k <= q || k < 50],
  "prefix LM by row": [prefixLM([50, 0]), (q, k, _, b) => k <= q || (b === 0 && k < 50)],
};

describe.each([32, 64, 128] as const)("in blocks of %i", (blockSize) => {
  it.each(Object.entries(PATTERNS))("%s is what its source says", (_, [pattern, expected]) => {
    const mask = blockMask(pattern, { N, B: 2, H: 3, blockSize });
    expect(faultsOf(mask, (b, h, q, k) => expected(q, k, h, b), { B: mask.B, H: mask.H })).toEqual([]);
  });
});

it("BigBird sees its window, the first blocks and as many random ones, the same for a seed", () => {
  const options = { N: 1000, block: 32, window: 3, global: 1, random: 2 };
  const lists = (seed: number) => maskToLists(blockMask(bigBird({ ...options, seed }), { N: 1000, blockSize: 32 }));
  for (const [row, list] of lists(1).entries()) {
    const near = [row - 1, row, row + 1].filter((j) => j >= 0 && j < 32);
    const known = row === 0 ? Array.from({ length: 32 }, (_, j) => j) : [0, ...near];
    const extra = list.filter((j) => !known.includes(j));
    expect(known.every((j) => list.includes(j))).toBe(true);
    expect(extra.length).toBeLessThanOrEqual(2);
  }
  expect(lists(1)).toEqual(lists(1));
  expect(lists(1)).not.toEqual(lists(2));
  const seen = lists(1).flat().length;
  expect(seen).toBeGreaterThan(32 + 30 * 4 + 31); // most draws are of blocks not seen anyway
  expect(() => bigBird({ ...options, random: 64 })).toThrow(ConfigError);
});

it.each([0.05, 0.1, 0.33, 1])("random blocks have the density %f, to within a block", (density) => {
  for (const causalToo of [false, true]) {
    const mask = randomBlocks({ N: 3000, H: 3, blockSize: 32, density, causal: causalToo, seed: 7 });
    const [rows, all] = [94, causalToo ? (94 * 95) / 2 : 94 * 94];
    for (let h = 0; h < 3; h++) {
      const kept = (mask.offsets[(h + 1) * rows] as number) - (mask.offsets[h * rows] as number);
      const least = causalToo ? rows : 0;
      expect(Math.abs(kept - Math.max(least, density * all))).toBeLessThanOrEqual(1);
    }
    const seen = seenBy(mask);
    if (causalToo)
      for (const q of [0, 31, 32, 999, 2999]) expect([seen(0, 1, q, q), seen(0, 1, q, q + 1)]).toEqual([true, false]);
    if (density < 1) {
      const [one, other] = [0, 1].map((h) => maskToLists(mask).slice(h * rows, (h + 1) * rows));
      expect(one).not.toEqual(other);
    }
  }
});

it("documents of a million tokens keep to their blocks", () => {
  const lengths = Array.from({ length: 256 }, () => 4096);
  const mask = blockMask(andMasks(causal, documents({ lengths })), { N: 1 << 20 });
  expect(mask.blocks.length).toBe((256 * 32 * 33) / 2);
  expect(mask.partial.reduce((sum, one) => sum + one, 0)).toBe(8192);
});

it("wrong sizes are told", () => {
  const wrong: readonly [() => unknown, RegExp][] = [
    [() => slidingWindow({ left: -1 }), /slidingWindow[\s\S]*left: -1/],
    [() => slidingWindow({ left: 1, width: 2 } as never), /unknown option width/],
    [() => causalWindow(0), /causalWindow: size must be an integer from 1/],
    [() => documents({ lengths: [5, 5], N: 9 }), /lengths must fit[\s\S]*10 tokens/],
    [() => documents({ lengths: [5, 0.5] }), /lengths\[1\]: 0.5/],
    [() => documents({ ids: [1, 2, 3], B: 2 }), /one for each token/],
    [() => documents({ ids: ["a"] as never }), /ids\[0\]: "a"/],
    [() => prefixLM([-1]), /length\[0\]: -1/],
    [() => randomBlocks({ N: 100, density: 0 }), /density: 0/],
    [() => longNetBlocks({ branches: [], block: 4 }), /branches/],
    [() => blockMask(documents({ lengths: [64] }), { N: 65 }), /0 to 64; there are 0 to 63/],
  ];
  for (const [call, message] of wrong) {
    expect(call).toThrow(ConfigError);
    expect(call).toThrow(message);
  }
});
