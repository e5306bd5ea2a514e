import { philox4x32 } from "@dilated/core";
import { type AttentionCall, EMPTY_LSE } from "../engine.ts";
import type { ResolvedDropout } from "../pattern/options.ts";

// The definition of attention over any schedule in float64 and plain loops: what every kernel, tier and backend is
// compared with. Nothing here is fast. q, dq [B, N, H, D]; out, dout [B, N, H, Dv]; k, dk [B, M, G, D]; v, dv [B, M, G,
// Dv]; lse [B, H, N]; keyMask [B, M].

// What is not finite reaches whoever sees it, and nobody else. A key that a row sees counts whatever its weight is: 0 times NaN is NaN, so a value that is
// not finite makes that column of the row's output so, and a gradient of an output that is not finite reaches all keys of its row, also those that dropout
// dropped. Kernels and oracle agree on what is finite, not on which NaN or infinity stands in for the rest.
//
// Arithmetic is f32 in kernels, so a product or score beyond its range is infinite here, too. A score of minus infinity weighs nothing beside others;
// alone, it makes its row NaN, lse and all, as the quotient 0 / 0 is. Kernels cannot tell scores below -1e29 from it.

/** Operands in any numeric array; `keyMask` `[B, M]` where 0 hides a key. */
export interface ReferenceInputs {
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  readonly keyMask?: ArrayLike<number> | undefined;
}

/**
 * `out` [B, N, H, Dv] and `lse` [B, H, N], the log of the sum of exp(scale·q·k) over the multiset of keys (before
 * dropout).
 */
export interface ReferenceOutput {
  readonly out: Float64Array;
  readonly lse: Float64Array;
}

/** Gradients with respect to q [B, N, H, D], k [B, M, G, D] and v [B, M, G, Dv]. */
export interface ReferenceGradients {
  readonly dq: Float64Array;
  readonly dk: Float64Array;
  readonly dv: Float64Array;
}

/** Factor of a normalised attention weight: 0 when dropped, 1 / (1 - p) when kept. */
export function dropoutFactor(
  dropout: ResolvedDropout | null,
  H: number,
  b: number,
  h: number,
  t: number,
  u: number,
): number {
  if (dropout === null) return 1;
  const words = philox4x32([t, u >>> 2, h + H * b, dropout.domain], [dropout.seedLow, dropout.seedHigh]);
  return (words[u & 3] as number) >= dropout.threshold ? dropout.keepScale : 0;
}

/** What happens to each intermediate value: nothing here; `attention.half.ts` rounds to f16, to know how far off plain f16 arithmetic is. */
export type Rounding = (value: number) => number;

const exact: Rounding = (value) => value;

/** One key of a row with its normalised weight. */
export interface WeightedKey {
  readonly u: number;
  readonly part: number;
  /** scale·q·k, softly capped where the call says so. */
  readonly score: number;
  /** Softmax weight P over the whole multiset. */
  readonly weight: number;
  /** Softmax weight over the keys of the part alone. */
  readonly own: number;
  /** What dropout multiplies the weight by. */
  readonly factor: number;
  /** d score / d (scale·q·k): 1 without a soft cap. */
  readonly slope: number;
}

/** A row's softmax over the multiset of its keys. */
export interface Row {
  readonly lse: number;
  readonly keys: readonly WeightedKey[];
}

/** out = Σ P·factor·v over the multiset, P = exp(scale·q·k - lse). */
export function callReference(inputs: ReferenceInputs, call: AttentionCall, round: Rounding = exact): ReferenceOutput {
  const { B, N, H, Dv, outScale } = call;
  const out = new Float64Array(B * N * H * Dv);
  const lse = new Float64Array(B * N * H);
  forEachRow(inputs, call, round, (b, t, h, row) => {
    const at = (b * N + t) * H + h;
    lse[(b * H + h) * N + t] = row.lse;
    for (const { u, weight, factor } of row.keys) {
      const value = keyRow(call, b, u, h) * Dv;
      for (let d = 0; d < Dv; d++) add(out, at * Dv + d, outScale * weight * factor * (inputs.v[value + d] as number));
    }
  });
  return { out: out.map(round), lse };
}

/**
 * Gradients for `dout` [B, N, H, Dv]. dS = P·(dP - Δ) with dP = factor·(dO·v); Δ is dO·O for the exact gradient, and
 * dO·O_i, O_i the output of the key's own part, where the schedule has several, for the detached one. P always belongs
 * to the joint softmax.
 *
 * @param dlse - Gradient that reaches the LSE, [B, H, N]: d lse / dS = P, so it is subtracted from Δ. @defaultValue 0
 */
export function callGradientReference(
  inputs: ReferenceInputs,
  dout: ArrayLike<number>,
  call: AttentionCall,
  dlse?: ArrayLike<number>,
  round: Rounding = exact,
): ReferenceGradients {
  const { B, N, M, H, G, D, Dv, scale, outScale } = call;
  const dq = new Float64Array(B * N * H * D);
  const dk = new Float64Array(B * M * G * D);
  const dv = new Float64Array(B * M * G * Dv);
  forEachRow(inputs, call, round, (b, t, h, row) => {
    const at = (b * N + t) * H + h;
    const [query, result] = [at * D, at * Dv];
    const keys = row.keys.map(({ u, ...rest }) => {
      const own = keyRow(call, b, u, h);
      return { ...rest, key: own * D, value: own * Dv };
    });
    const dP = keys.map(({ value, factor }) => round(factor * outScale * dot(dout, result, inputs.v, value, Dv)));
    // dO·O_i; zero keys, having value 0, add nothing.
    const { parts } = call.schedule;
    const partial = parts.map(() => 0);
    for (const [i, { part, own }] of keys.entries()) add(partial, parts.length > 1 ? part : 0, own * (dP[i] as number));
    const joint = keys.reduce((sum, { weight }, i) => sum + weight * (dP[i] as number), 0);
    const throughLse = dlse?.[(b * H + h) * N + t] ?? 0;
    keys.forEach(({ key, value, part, weight, factor, slope }, i) => {
      const delta = parts.length > 1 ? (partial[part] as number) : joint;
      const dS = round(weight * ((dP[i] as number) - delta + throughLse) * slope) * scale;
      for (let d = 0; d < D; d++) {
        add(dq, query + d, dS * (inputs.k[key + d] as number));
        add(dk, key + d, dS * (inputs.q[query + d] as number));
      }
      for (let d = 0; d < Dv; d++) add(dv, value + d, weight * factor * outScale * (dout[result + d] as number));
    });
  });
  return { dq: dq.map(round), dk: dk.map(round), dv: dv.map(round) };
}

/** Visits every query row. */
export function forEachRow(
  inputs: ReferenceInputs,
  call: AttentionCall,
  round: Rounding,
  visit: (b: number, t: number, h: number, row: Row) => void,
): void {
  const { B, N, H } = call;
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < N; t++) {
      for (let h = 0; h < H; h++) visit(b, t, h, softmaxRow(inputs, call, round, b, t, h));
    }
  }
}

function softmaxRow(
  inputs: ReferenceInputs,
  call: AttentionCall,
  round: Rounding,
  b: number,
  t: number,
  h: number,
): Row {
  const { N, M, H, D, dropout, softcap, schedule } = call;
  const query = ((b * N + t) * H + h) * D;
  const seen = schedule.keysOfRow(b, h, t);
  const visible = (u: number): boolean => inputs.keyMask === undefined || inputs.keyMask[b * M + u] !== 0;
  const scored = seen.flatMap(({ part, keys }) =>
    keys.filter(visible).map((u) => {
      const product = scoreOf(inputs, query, keyRow(call, b, u, h) * D, call);
      const tanh = softcap === null ? 0 : Math.tanh(product / softcap);
      return { u, part, score: round(softcap === null ? product : softcap * tanh), slope: 1 - tanh ** 2 };
    }),
  );
  const zeros = seen.reduce((sum, part) => sum + part.zeros, 0);
  const total = logSum(
    scored.map(({ score }) => score),
    zeros,
  );
  const parts = seen.map(({ part, zeros: padding }) => {
    const own = scored.filter((key) => key.part === part).map(({ score }) => score);
    return [part, logSum(own, padding)] as const;
  });
  const byPart = new Map(parts);
  const keys = scored.map(({ u, part, score, slope }) => ({
    u,
    part,
    score,
    weight: round(Math.exp(score - total)),
    own: round(Math.exp(score - (byPart.get(part) as number))),
    factor: dropoutFactor(dropout, H, b, h, schedule.positionOf(t), schedule.positionOfKey?.(u) ?? u),
    slope,
  }));
  return { lse: total, keys };
}

/** log(Σ exp(score) + zeros), or {@link EMPTY_LSE} of nothing. */
function logSum(scores: readonly number[], zeros: number): number {
  if (scores.length + zeros === 0) return EMPTY_LSE;
  const highest = scores.reduce((max, score) => Math.max(max, score), zeros > 0 ? 0 : Number.NEGATIVE_INFINITY);
  // Without zero keys the highest score may be so low that exp(-highest) is infinite.
  const padding = zeros > 0 ? zeros * Math.exp(-highest) : 0;
  const sum = scores.reduce((total, score) => total + Math.exp(score - highest), padding);
  return highest + Math.log(sum);
}

/** Row of key u of the key/value head that query head h reads, in [B, M, G]. */
export function keyRow({ M, H, G }: AttentionCall, b: number, u: number, h: number): number {
  return (b * M + u) * G + Math.floor(h / (H / G));
}

/** scale·q·k, infinite where f32 would be: kernels take logarithms to base 2, whose scores are longer. */
function scoreOf({ q, k }: ReferenceInputs, query: number, key: number, { D, scale }: AttentionCall): number {
  let sum = 0;
  for (let d = 0; d < D; d++) sum += within(scale * (q[query + d] as number) * (k[key + d] as number));
  const score = within(sum);
  return score < LOWEST_SCORE ? Number.NEGATIVE_INFINITY : score;
}

const LARGEST_SCORE = 3.4e38 / Math.LOG2E;
const LOWEST_SCORE = -1e29;

function within(x: number): number {
  return Math.abs(x) > LARGEST_SCORE ? Math.sign(x) * Number.POSITIVE_INFINITY : x;
}

function dot(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number, length: number): number {
  let sum = 0;
  for (let d = 0; d < length; d++) sum += (a[i + d] as number) * (b[j + d] as number);
  return sum;
}

function add(array: Float64Array | number[], index: number, value: number): void {
  array[index] = (array[index] as number) + value;
}
