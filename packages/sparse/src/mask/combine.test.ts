import { ConfigError, LimitError, ShapeError } from "@dilated/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { BlockMask } from "./block-mask.ts";
import { blockMask, type MaskFunction } from "./build.ts";
import { andMasks, notMask, orMasks } from "./combine.ts";
import { maskFromArray } from "./from-array.ts";
import { maskFromBlocks } from "./from-blocks.ts";
import { faultsOf, seenBy } from "./test-utils/seen.ts";
import { maskToArray, maskToLists } from "./to-lists.ts";

const SIZES = { N: 75, M: 100, blockSize: 32 } as const;
const functions: readonly MaskFunction[] = [
  ({ q, k }) => q.ge(k),
  ({ q, k }) => q.sub(k).abs().lt(20),
  ({ q, k, h }) => q.add(h).mod(2).eq(k.mod(2)),
  ({ b, k }) => k.lt(b.mul(40).add(30)),
];
const ofFunction = fc.constantFrom(...functions).map((mask) => blockMask(mask, { ...SIZES, B: 2, H: 2 }));
const ofLists = fc
  .array(fc.subarray([0, 1, 2, 3]), { minLength: 6, maxLength: 6 })
  .map((lists) => maskFromBlocks(lists, { ...SIZES, H: 2 }));
const ofArray = fc
  .uint8Array({ min: 0, max: 1, minLength: 7500, maxLength: 7500 })
  .map((values) => maskFromArray(values, SIZES));
const source: fc.Arbitrary<BlockMask> = fc.oneof(ofFunction, ofLists, ofArray);

/** Sources joined in any way, with what they should be. */
type Joined = readonly [BlockMask, ReturnType<typeof seenBy>];
const leaf = source.map((mask): Joined => [mask, seenBy(mask)]);
const join = (of: fc.Arbitrary<Joined>): fc.Arbitrary<Joined> =>
  fc.oneof(
    fc.tuple(of, leaf).map(([[a, x], [b, y]]): Joined => [andMasks(a, b), (...at) => x(...at) && y(...at)]),
    fc.tuple(of, leaf).map(([[a, x], [b, y]]): Joined => [orMasks(a, b), (...at) => x(...at) || y(...at)]),
    of.map(([a, x]): Joined => [notMask(a), (...at) => !x(...at)]),
    fc
      .tuple(of, leaf)
      .map(([[a, x]]): Joined => [andMasks(({ q, k }) => q.ge(k), a), (b, h, q, k) => q >= k && x(b, h, q, k)]),
  );

it("masks of any kind joined in any way are seen as they say", () => {
  fc.assert(
    fc.property(fc.oneof(join(leaf), join(join(leaf))), ([mask, expected]) => {
      expect(faultsOf(mask, expected, { B: 2, H: 2 })).toEqual([]);
      if (!mask.keep) return;
      // In full blocks the condition is true as well.
      const everywhere: BlockMask = { ...mask, partial: mask.partial.map(() => 1) };
      expect(faultsOf(everywhere, expected, { B: 2, H: 2 }).filter((line) => !line.startsWith("block"))).toEqual([]);
    }),
    { numRuns: 15 },
  );
});

it("functions joined are functions", () => {
  const joined = orMasks(andMasks(...functions.slice(0, 2)), notMask(functions[0] as MaskFunction));
  const mask = blockMask(joined, SIZES);
  expect(faultsOf(mask, (_, __, q, k) => (q >= k && Math.abs(q - k) < 20) || q < k)).toEqual([]);
});

it("lists and arrays come back", () => {
  const lists = [[0, 2], [], [1]];
  const mask = maskFromBlocks(lists, SIZES);
  expect(maskToLists(mask)).toEqual(lists);
  expect(mask.emptyRows).toBe(1);
  const values = Array.from({ length: 2 * 75 * 100 }, (_, i) => i % 7 === 0);
  expect(Array.from(maskToArray(maskFromArray(values, { ...SIZES, H: 2 })))).toEqual(values.map(Number));
  const ends = { offsets: [0, 2, 2, 3], blocks: Uint16Array.of(0, 2, 1) };
  expect(maskToLists(maskFromBlocks(ends, SIZES))).toEqual(lists);
});

it("wrong lists, arrays and pairs of masks are told", () => {
  const causal = blockMask(({ q, k }) => q.ge(k), SIZES);
  const wrong: readonly [() => unknown, typeof ConfigError | typeof ShapeError, RegExp][] = [
    [() => maskFromBlocks([[0], [1]], SIZES), ShapeError, /3 lists\n {2}given: 2/],
    [() => maskFromBlocks([[0], [4], []], SIZES), ConfigError, /list 1, entry 0: 4; allowed: 0 to 3/],
    [() => maskFromBlocks([[0], [0.5], []], SIZES), ConfigError, /out of range/],
    [() => maskFromBlocks([[0], [2, 1], []], SIZES), ConfigError, /must rise[\s\S]*list 1, entry 1: 1, after 2/],
    [() => maskFromBlocks([[0], [1, 1], []], SIZES), ConfigError, /listed twice/],
    [() => maskFromBlocks({ offsets: [0, 1, 0, 1], blocks: [0] }, SIZES), ConfigError, /offsets\[2\]: 0, after 1/],
    [() => maskFromBlocks({ offsets: [0, 1, 1, 2], blocks: [0] }, SIZES), ConfigError, /offsets must rise/],
    [() => maskFromArray([1, 0], SIZES), ShapeError, /7500 elements\n {2}values: 2/],
    [() => maskFromArray(new Float32Array(7500).fill(0.5), SIZES), ConfigError, /values\[0\]: 0.5/],
    [
      () =>
        andMasks(
          causal,
          blockMask(() => true, { ...SIZES, N: 76 }),
        ),
      ShapeError,
      /andMasks.*different lengths/,
    ],
    [
      () =>
        orMasks(
          causal,
          blockMask(() => true, { ...SIZES, blockSize: 64 }),
        ),
      ConfigError,
      /blocks of different size/,
    ],
    [() => orMasks(causal, 3 as never), ConfigError, /orMasks: mask 2 must be/],
    [() => andMasks(), ConfigError, /at least one/],
  ];
  for (const [call, kind, message] of wrong) {
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  }
  const long = blockMask(({ q, k }) => q.eq(k), { N: 2 ** 20, blockSize: 32 });
  expect(() => notMask(long)).toThrow(LimitError);
  expect(() => maskToArray(long)).toThrow(LimitError);
});
