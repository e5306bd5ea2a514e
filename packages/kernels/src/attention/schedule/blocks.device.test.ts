import "@dilated-internal/testing";
import type { Tensor } from "@dilated/core";
import { type BlockLists, blockLists, type PackedKey } from "@dilated-internal/attention-kit/blocks";
import { openTestDevice, share } from "@dilated-internal/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AttentionGradients, AttentionState } from "../engine.ts";
import { attendPart, attendPartBackward } from "../op/attend-part.ts";
import { callGradientReference, callReference } from "../oracle/reference.ts";
import { resolveDropout } from "../pattern/options.ts";

const B = 2;
const D = 8;
const Dv = 12;

const DROPOUT = { p: 0.3, seed: 5 };

/** Some of M keys in any order of places, whose positions rise. */
function packedKeys(M: number, order: readonly number[], gaps: readonly number[]): PackedKey[] {
  const places = Array.from({ length: M }, (_, u) => u).sort((a, b) => (order[a] ?? 0) - (order[b] ?? 0));
  let position = -1;
  return places.slice(0, Math.ceil((M * 2) / 3)).map((place, n) => {
    position += gaps[n] ?? 1;
    return [place, position];
  });
}

const lists = fc
  .record({
    N: fc.integer({ min: 1, max: 70 }),
    M: fc.integer({ min: 1, max: 70 }),
    G: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 2 }),
    causal: fc.boolean(),
    left: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
    order: fc.option(fc.array(fc.nat(), { minLength: 70, maxLength: 70 }), { nil: undefined }),
    gaps: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 70, maxLength: 70 }),
    dropped: fc.boolean(),
    kept: fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
    parts: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ G, group, kept, order, gaps, ...rest }) => {
    const keeps = (h: number, i: number, j: number): boolean => kept[(h * 29 + i * 7 + j) % kept.length] as boolean;
    return { ...rest, G, H: G * group, block: 16, keeps, packed: order && packedKeys(rest.M, order, gaps) };
  });

interface Drawn extends BlockLists {
  readonly parts: number;
  readonly dropped: boolean;
}

describe("a schedule of block lists", () => {
  it("is what the oracle says, forward and backward, at once and merged from parts, packed or not", async () => {
    using device = await openTestDevice();
    const check = async ({ parts, dropped, ...made }: Drawn): Promise<void> => {
      const { N, M, H, G } = made;
      const schedule = blockLists(made);
      const dropout = dropped ? DROPOUT : undefined;
      const random = (shape: number[], seed: number): Tensor => device.randomNormal(shape, { seed });
      using q = random([B, N, H, D], 1);
      using k = random([B, M, G, D], 2);
      using v = random([B, M, G, Dv], 3);
      using dout = random([B, N, H, Dv], 4);
      const [qs, ks, vs, douts] = await Promise.all([q, k, v, dout].map((tensor) => tensor.data()));
      const call = {
        B,
        N,
        M,
        H,
        G,
        D,
        Dv,
        scale: 0.5,
        softcap: null,
        outScale: 1,
        dropout: resolveDropout(dropout),
        caller: "test",
        schedule,
      };
      const inputs = { q: qs, k: ks, v: vs } as never;
      const wanted = { ...callReference(inputs, call), ...callGradientReference(inputs, douts as never, call) };
      const expectRight = async (results: AttentionState & AttentionGradients): Promise<void> => {
        for (const [name, values] of Object.entries(wanted)) {
          const tensor = results[name as keyof typeof wanted] as Tensor;
          expect(await tensor.data(), name).toBeAllClose(Float32Array.from(values), { atol: 2e-5 });
          tensor.dispose();
        }
      };
      const options = { schedule, scale: 0.5, dropout };
      const state = attendPart(q, k, v, options);
      await expectRight({ ...state, ...attendPartBackward(q, k, v, { ...state, dout }, options) });
      if (parts === 1) return;
      // The same blocks dealt out to parts, one after the other into one state.
      const dealt = Array.from({ length: parts }, (_, part) => ({
        schedule: blockLists({ ...made, keeps: (h, i, j) => j % parts === part && made.keeps(h, i, j) }),
        scale: 0.5,
        dropout,
      }));
      const merged = dealt.reduce<AttentionState | undefined>(
        (into, part) => attendPart(q, k, v, { ...part, into }),
        undefined,
      );
      const sums = { dq: device.zeros(q.shape), dk: device.zeros(k.shape), dv: device.zeros(v.shape) };
      for (const part of dealt)
        attendPartBackward(q, k, v, { ...(merged as AttentionState), dout }, { ...part, into: sums });
      await expectRight({ ...(merged as AttentionState), ...sums });
    };
    await fc.assert(fc.asyncProperty(lists, check), { ...share(100, 8), endOnFailure: true });
  });
});
