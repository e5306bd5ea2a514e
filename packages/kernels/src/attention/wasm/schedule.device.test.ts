import { philox4x32, type Tensor } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AttentionCall, AttentionGradients, AttentionState } from "../engine.ts";
import { callGradientReference, callReference } from "../oracle/reference.ts";
import { NO_BOUND } from "../pattern/options.ts";
import { CPU_WORDS, type CpuPass, type PartKeys, type Schedule } from "../schedule/schedule.ts";
import { wasmEngine } from "./engine.ts";

// Schedules made by hand, which are no dilated pattern: a chunk of queries sees a list of blocks of keys. Places,
// positions, pitches and steps all differ, so that none can be taken for another: queries are dealt out to chunks in
// turn, and the keys of two halves of the sequence lie alternately in memory.

/** Keys a block, chunks of queries, patterns of heads. */
const BLOCK = 7;
const CHUNKS = 2;
const PATTERNS = 2;

interface HandMade {
  readonly N: number;
  readonly M: number;
  readonly H: number;
  readonly G: number;
  /** Decides which blocks a chunk sees. */
  readonly seed: number;
  readonly passes: number;
  readonly low: number;
  readonly high: number;
  readonly zeros: number;
  readonly detached: boolean;
}

type Run = readonly [place: number, count: number, pitch: number, position: number, step: number];

const positionOf = (t: number): number => 3 * t + 2;

/** Blocks of keys in order of their positions, none across the middle. */
function blocksOf({ M }: HandMade): Run[] {
  const middle = Math.ceil(M / 2);
  return [
    [0, middle, 0],
    [middle, M, 1],
  ].flatMap(([begin = 0, end = 0, first = 0]) =>
    Array.from({ length: Math.ceil((end - begin) / BLOCK) }, (_, i): Run => {
      const at = begin + i * BLOCK;
      return [2 * (at - begin) + first, Math.min(BLOCK, end - at), 2, at, 1];
    }),
  );
}

function chunkOf({ N }: HandMade, chunk: number): Run {
  return [chunk, Math.ceil((N - chunk) / CHUNKS), CHUNKS, positionOf(chunk), positionOf(CHUNKS) - positionOf(0)];
}

const decided = new Map<string, boolean>();

function sees({ seed }: HandMade, pass: number, kind: number, chunk: number, block: number): boolean {
  const key = `${seed} ${pass} ${kind} ${chunk} ${block}`;
  const seen = decided.get(key) ?? (philox4x32([pass, kind, chunk, block], [seed, 0])[0] as number) % 3 > 0;
  decided.set(key, seen);
  return seen;
}

/** The schedule of some of the passes; the heads of a later one begin later. */
function schedule(made: HandMade, passes: readonly number[]): Schedule {
  const { N, M, H, G, low, high, zeros } = made;
  const blocks = blocksOf(made);
  const grid = Array.from({ length: CHUNKS }, (_, chunk) => chunk);
  const kinds = Array.from({ length: PATTERNS }, (_, kind) => kind);
  const headPatterns = Uint32Array.from({ length: H }, (_, h) => h % PATTERNS);
  const passOf = (pass: number): CpuPass => ({
    headStart: pass % H,
    headEnd: H,
    low,
    high,
    headPatterns,
    patternCount: PATTERNS,
  });
  const parts = made.detached && passes.length > 1 ? passes.map((pass) => schedule(made, [pass])) : undefined;
  const result = {
    N,
    M,
    H,
    G,
    positionOf,
    get parts() {
      return parts ?? [result as unknown as Schedule];
    },
    forwardPasses: () =>
      passes.map((pass) => {
        const runs: number[] = [];
        const chunks = grid.flatMap((chunk) =>
          kinds.flatMap((kind) => {
            const first = runs.length / CPU_WORDS.run;
            for (const [i, block] of blocks.entries()) if (sees(made, pass, kind, chunk, i)) runs.push(...block);
            return [...chunkOf(made, chunk), first, runs.length / CPU_WORDS.run, zeros];
          }),
        );
        return { ...passOf(pass), chunkCount: CHUNKS, chunks: Int32Array.from(chunks), runs: Int32Array.from(runs) };
      }),
    // Blocks that share no rows: one for each chunk, each time with other keys.
    backwardPasses: () =>
      passes.flatMap((pass) =>
        Array.from({ length: Math.max(CHUNKS, blocks.length) }, (_, turn) => {
          const words = grid.flatMap((chunk) =>
            kinds.flatMap((kind) => {
              const at = (turn + chunk) % Math.max(CHUNKS, blocks.length);
              const block = blocks[at] ?? [0, 0, 1, 0, 1];
              const seen = sees(made, pass, kind, chunk, at);
              return [block[0], seen ? block[1] : 0, ...block.slice(2), ...chunkOf(made, chunk)];
            }),
          );
          return { ...passOf(pass), blockCount: CHUNKS, blocks: Int32Array.from(words) };
        }),
      ),
    keysOfRow: (_: number, h: number, t: number): PartKeys[] =>
      passes.flatMap((pass, part) => {
        if (h < pass % H) return [];
        const seen = blocks.filter((_block, i) => sees(made, pass, h % PATTERNS, t % CHUNKS, i));
        const keys = seen.flatMap(([place, count, pitch, position]) =>
          Array.from({ length: count }, (_key, i) => ({
            place: place + pitch * i,
            ahead: position + i - positionOf(t),
          })),
        );
        const places = keys.filter(({ ahead }) => ahead >= low && ahead <= high).map(({ place }) => place);
        return [{ part, keys: places, zeros }];
      }),
  };
  return result as unknown as Schedule;
}

const bound = fc.constantFrom(0, 5, 60, NO_BOUND);
const handMade: fc.Arbitrary<HandMade> = fc
  .record({
    N: fc.integer({ min: 2, max: 290 }),
    M: fc.integer({ min: 1, max: 290 }),
    G: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 2 }),
    seed: fc.nat(),
    passes: fc.integer({ min: 1, max: 3 }),
    left: bound,
    right: bound,
    zeros: fc.constantFrom(0, 0, 2),
    detached: fc.boolean(),
  })
  .map(({ group, left, right, ...rest }) => ({ ...rest, H: rest.G * group, low: -left, high: right }));

async function values(tensors: readonly (Tensor | undefined)[]): Promise<ArrayLike<number>[]> {
  return Promise.all(tensors.map(async (tensor) => (await tensor?.data()) as ArrayLike<number>));
}

describe("a schedule made by hand", () => {
  it("is what the oracle says, forward and backward, at once and in parts", async () => {
    using device = await openTestDevice();
    const [D, Dv] = [4, 12];
    const work = async (made: HandMade, softcap: number | null, masked: boolean): Promise<void> => {
      const { N, M, H, G } = made;
      const every = Array.from({ length: made.passes }, (_pass, i) => i);
      const base = { B: 2, N, M, H, G, D, Dv, scale: 0.7, softcap, outScale: 0.5, dropout: null, caller: "test" };
      const call: AttentionCall = { ...base, schedule: schedule(made, every) };
      const random = (shape: number[], seed: number): Tensor => device.randomNormal(shape, { seed });
      const [q, dout] = [random([2, N, H, D], 1), random([2, N, H, Dv], 2)] as const;
      const [k, v, dlse] = [random([2, M, G, D], 3), random([2, M, G, Dv], 4), random([2, H, N], 5)] as const;
      const mask = masked
        ? device.tensor(
            Array.from({ length: 2 * M }, (_key, i) => Number(i % 5 > 0)),
            [2, M],
            { dtype: "u32" },
          )
        : undefined;
      const operands = { q, k, v, mask };
      const [qs, ks, vs, douts, dlses] = (await values([q, k, v, dout, dlse])) as [
        ArrayLike<number>,
        ArrayLike<number>,
        ArrayLike<number>,
        ArrayLike<number>,
        ArrayLike<number>,
      ];
      const inputs = { q: qs, k: ks, v: vs, keyMask: (await mask?.data()) as ArrayLike<number> | undefined };
      const { out, lse } = callReference(inputs, call);
      const { dq, dk, dv } = callGradientReference(inputs, douts, call, dlses);
      const expectRight = async (state: AttentionState, grads: AttentionGradients): Promise<void> => {
        const got = await values([state.out, state.lse, grads.dq, grads.dk, grads.dv]);
        [out, lse, dq, dk, dv].forEach((wanted, i) => {
          expect(got[i], ["out", "lse", "dq", "dk", "dv"][i] as string).toBeAllClose(Float32Array.from(wanted), {
            atol: 5e-5,
          });
        });
      };
      const rest = { dout, dlse, needsQuery: true, needsKey: true };

      const state = wasmEngine.forward(operands, call);
      await expectRight(state, wasmEngine.backward(operands, { ...state, ...rest }, call));

      if (made.detached) return;
      const single = every.map((pass): AttentionCall => ({ ...base, schedule: schedule(made, [pass]) }));
      const total = single.reduce<AttentionState | undefined>(
        (into, part) => wasmEngine.forward(operands, part, { into }),
        undefined,
      );
      const sums = { dq: device.zeros(q.shape), dk: device.zeros(k.shape), dv: device.zeros(v.shape) };
      for (const part of single) wasmEngine.backward(operands, { ...(total as AttentionState), ...rest }, part, sums);
      await expectRight(total as AttentionState, sums);
    };
    await fc.assert(fc.asyncProperty(handMade, fc.constantFrom(null, 2), fc.boolean(), work), {
      numRuns: 12,
      seed: 12,
      endOnFailure: true,
    });
  });
});
