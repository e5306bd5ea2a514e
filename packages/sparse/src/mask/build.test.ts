import { ConfigError, type DilatedError, LimitError } from "@dilated/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { capture } from "../expression/capture.ts";
import { closureOf } from "../expression/closure.ts";
import type { BoolNode } from "../expression/node.ts";
import { randomTree, SIZES } from "../expression/test-utils/random.ts";
import { scoreArguments } from "../expression/variables.ts";
import { blockMask, type MaskFunction } from "./build.ts";
import { faultsOf } from "./test-utils/seen.ts";

const documents = capture(Int32Array.from({ length: 300 }, (_, i) => Math.floor(i / 70)));
const slopes = capture([0.5, 2]);

const MASKS: Readonly<Record<string, readonly [MaskFunction, (h: number, q: number, k: number) => boolean]>> = {
  causal: [({ q, k }) => q.ge(k), (_, q, k) => q >= k],
  window: [({ q, k }) => q.sub(k).lt(50).and(q.ge(k)), (_, q, k) => q - k < 50 && q >= k],
  "causal at the end": [
    ({ q, k, qLength, kLength }) => q.add(kLength).sub(qLength).ge(k),
    (_, q, k) => q + 301 - 290 >= k,
  ],
  documents: [
    ({ q, k }) => documents.at(q).eq(documents.at(k.min(299))),
    (_, q, k) => Math.floor(q / 70) === Math.floor(Math.min(k, 299) / 70),
  ],
  "window by head": [
    ({ q, k, h }) => q.sub(k).abs().toF32().mul(slopes.at(h)).le(60),
    (h, q, k) => Math.abs(q - k) * (h === 0 ? 0.5 : 2) <= 60,
  ],
  dilated: [({ q, k }) => q.mod(3).eq(k.mod(3)).and(q.ge(k)), (_, q, k) => q % 3 === k % 3 && q >= k],
  "of neighbours at random": [
    ({ q, k }) => q.mul(7).bitXor(k.mul(13)).mod(11).lt(1),
    (_, q, k) => ((q * 7) ^ (k * 13)) % 11 < 1,
  ],
  nothing: [() => false, () => false],
  everything: [() => true, () => true],
  "nothing that bounds tell": [({ q, k }) => q.mul(q).add(k).mod(2).gt(1), () => false],
  "everything that bounds do not tell": [({ q, k }) => q.mul(k).mod(5).lt(5), () => true],
};

describe.each([32, 64, 128] as const)("a mask in blocks of %i", (blockSize) => {
  it.each(Object.entries(MASKS))("is what it says: %s", (_, [mask, expected]) => {
    const made = blockMask(mask, { N: 290, M: 301, H: 2, blockSize });
    expect(faultsOf(made, (__, h, q, k) => expected(h, q, k), { H: 2 })).toEqual([]);
    expect(made.density).toBe(made.blocks.length / (made.H * made.rows * made.columns));
    expect(Object.isFrozen(made)).toBe(true);
    if (made.keep) expect(made.partial.includes(1)).toBe(true);
  });
});

it("random functions are seen as they say", () => {
  const trees = randomTree("bool").filter((node) => closureOf(node)({ q: 0, k: 0 }) >= 0) as fc.Arbitrary<BoolNode>;
  fc.assert(
    fc.property(trees, (node) => {
      const { N, M, B, H } = SIZES;
      let made: ReturnType<typeof blockMask>;
      try {
        made = blockMask(() => node, { N, M, B, H, blockSize: 32 });
      } catch (error) {
        // Those that ask for the score.
        expect((error as DilatedError).message).toContain("score");
        return;
      }
      const closure = closureOf(node, { qLength: N, kLength: M });
      expect(faultsOf(made, (b, h, q, k) => closure({ b, h, q, k }) === 1, { B, H })).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

it("a million queries are no million steps: a window keeps to its blocks", () => {
  const mask = blockMask(({ q, k }) => q.sub(k).lt(4096).and(q.ge(k)), { N: 1 << 20 });
  expect(mask.blocks.length).toBe(8192 * 33 - (32 * 33) / 2);
  expect(mask.partial.reduce((sum, one) => sum + one, 0)).toBe(8192 + 8192 - 32);
  expect(mask.bytes).toBeLessThan(1.5e6);
});

it("says what is wrong with a function", () => {
  const wrong: readonly [() => unknown, RegExp][] = [
    [() => blockMask((() => undefined) as never, { N: 64 }), /must give a truth value\n {2}it gave undefined/],
    [
      () => blockMask((({ q, k }: { q: { sub(k: unknown): unknown }; k: unknown }) => q.sub(k)) as never, { N: 64 }),
      /it gave a node of type i32/,
    ],
    [() => blockMask(({ h }) => h.lt(2), { N: 64 }), /asks for h, and H is not given[\s\S]*pass H/],
    [() => blockMask(({ q }) => documents.at(q).gt(0), { N: 301 }), /axis 0: 0 to 300; there are 0 to 299/],
    [() => blockMask(({ q, k }) => q.lt(k.toF32() as never), { N: 64 }), /lt: the operands must have one type/],
    [() => blockMask(({ q }) => q.lt(0.5), { N: 64 }), /number of type i32\n {2}given: 0.5/],
    [() => blockMask(({ q }) => (q as never as BoolNode).and(true), { N: 64 }), /and: /],
    [() => blockMask(() => scoreArguments().score.gt(0), { N: 64 }), /cannot ask for the score/],
    [() => blockMask(({ q, k }) => q.ge(k), { N: 64, blockSize: 48 as never }), /blockSize: 48/],
    [() => blockMask(({ q }) => q.div(0).gt(1), { N: 64 }), /div: by 0/],
  ];
  for (const [call, message] of wrong) {
    expect(call).toThrow(ConfigError);
    expect(call).toThrow(message);
  }
  expect(() => blockMask(({ h }) => h.lt(2), { N: 2 ** 30, H: 2 ** 20 })).toThrow(LimitError);
});
