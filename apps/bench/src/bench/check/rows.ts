import type { Branch } from "@dilated/kernels";
import { keysOfRow, resolvePattern } from "@dilated/kernels/reference";

/** Operands of one batch row: q, k, v `[N, H, D]`. */
export interface RowOperands {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly N: number;
  readonly H: number;
  readonly D: number;
}

/** Largest error of 24 sampled rows of `out` `[N, H, D]` against the definition in f64. */
export function sampledRowError(
  { q, k, v, N, H, D }: RowOperands,
  branches: readonly Branch[],
  out: ArrayLike<number>,
): number {
  const resolved = resolvePattern("bench", { N, H }, { branches });
  let worst = 0;
  for (let sample = 0; sample < 24; sample++) {
    const t = sample === 0 ? N - 1 : (sample * 7919) % N;
    const h = sample % H;
    const row = (u: number) => (u * H + h) * D;
    const keys = keysOfRow(resolved, h, t).flatMap((branch) => branch.keys);
    const scores = keys.map((u) => dot(q, row(t), k, row(u), D) / Math.sqrt(D));
    const top = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const weights = scores.map((score) => Math.exp(score - top));
    const total = weights.reduce((a, b) => a + b, 0);
    for (let d = 0; d < D; d++) {
      const exact = keys.reduce((acc, u, i) => acc + (weights[i] as number) * (v[row(u) + d] as number), 0) / total;
      const error = Math.abs((out[row(t) + d] as number) - exact);
      worst = Math.max(worst, error); // NaN wins
    }
  }
  return worst;
}

function dot(a: Float32Array, i: number, b: Float32Array, j: number, length: number): number {
  let total = 0;
  for (let d = 0; d < length; d++) total += (a[i + d] as number) * (b[j + d] as number);
  return total;
}
