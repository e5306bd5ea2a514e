import { f16ToF32, f32ToF16 } from "@dilated/core";
import type { ResolvedAttention } from "../attention.options.ts";
import type { ReferenceInputs } from "../attention.reference.ts";
import { dropoutFactor, keysOfRow } from "../attention.reference.ts";

/** Rounds to half precision. */
export function half(x: number): number {
  return f16ToF32(f32ToF16([x]))[0] as number;
}

/**
 * What one would write by hand in half precision: scores, weights and gradients of weights are stored as f16, sums are kept in f64 and rounded once. Operands
 * are taken to be f16 already. The kernels may be at most twice as far from the oracle as this.
 */
export function naiveHalf(
  inputs: ReferenceInputs,
  dout: ArrayLike<number>,
  resolved: ResolvedAttention,
): Record<"out" | "dq" | "dk" | "dv", Float64Array> {
  const { B, N, H, G, D, scale, outScale, dropout, sequences } = resolved;
  const zeros = (heads: number): Float64Array => new Float64Array(B * N * heads * D);
  const sums = { out: zeros(H), dq: zeros(H), dk: zeros(G), dv: zeros(G) };
  const dot = (a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number): number => {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += (a[i + d] as number) * (b[j + d] as number);
    return sum;
  };
  for (let row = 0; row < B * N * H; row++) {
    const [h, t, b] = [row % H, Math.floor(row / H) % N, Math.floor(row / (H * N))];
    const sequence = sequences.find(({ start, end }) => t >= start && t < end) ?? { start: 0, end: N };
    const query = row * D;
    const seen = keysOfRow(resolved, h, t, sequence);
    const kv = (u: number): number => ((b * N + u) * G + Math.floor(h / (H / G))) * D;
    const keys = seen.flatMap(({ keys: list }) => list.filter((u) => inputs.keyMask?.[b * N + u] !== 0));
    const zerosSeen = seen.reduce((sum, part) => sum + part.zeros, 0);
    if (keys.length + zerosSeen === 0) continue;
    const scores = keys.map((u) => half(scale * dot(inputs.q, query, inputs.k, kv(u))));
    const highest = scores.reduce((a, s) => Math.max(a, s), zerosSeen > 0 ? 0 : Number.NEGATIVE_INFINITY);
    const total = scores.reduce((sum, s) => sum + Math.exp(s - highest), zerosSeen * Math.exp(-highest));
    const weights = scores.map((s) => half(Math.exp(s - highest) / total));
    const factors = keys.map((u) => outScale * dropoutFactor(dropout, H, b, h, t, u));
    const dP = keys.map((u, i) => half((factors[i] as number) * dot(dout, query, inputs.v, kv(u))));
    const delta = half(dP.reduce((sum, x, i) => sum + x * (weights[i] as number), 0));
    keys.forEach((u, i) => {
      const weight = half((weights[i] as number) * (factors[i] as number));
      const dS = half((weights[i] as number) * ((dP[i] as number) - delta) * scale);
      for (let d = 0; d < D; d++) {
        add(sums.out, query + d, weight * (inputs.v[kv(u) + d] as number));
        add(sums.dq, query + d, dS * (inputs.k[kv(u) + d] as number));
        add(sums.dk, kv(u) + d, dS * (inputs.q[query + d] as number));
        add(sums.dv, kv(u) + d, weight * (dout[query + d] as number));
      }
    });
  }
  const { out, dq, dk, dv } = sums;
  return { out: out.map(half), dq: dq.map(half), dk: dk.map(half), dv: dv.map(half) };
}

function add(array: Float64Array, i: number, x: number): void {
  array[i] = (array[i] as number) + x;
}
