import type { ResolvedAttention } from "./pattern.ts";
import { keysOf, queriesOf } from "./pattern.ts";

/** One head of a stretch that no branch looks out of: rows `[length, D]`, lse `[length]`. */
export interface HeadData {
  readonly D: number;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly dout?: Float32Array;
  /** The device's own, checked on sampled rows before it is built upon. */
  readonly out: Float32Array;
  readonly lse: Float32Array;
}

/** out, lse and (with dout) dq of row t of head h by the definition, in float64. */
export function queryRow(
  data: HeadData,
  pattern: ResolvedAttention,
  h: number,
  t: number,
): { out: Float64Array; lse: number; dq?: Float64Array } {
  const { D, q, k, v, dout } = data;
  const keys = keysOf(pattern, h, t);
  const scores = keys.map((u) => dot(q, t, k, u, D) / Math.sqrt(D));
  const top = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0);
  const lse = top + Math.log(total);
  const out = new Float64Array(D);
  keys.forEach((u, i) => {
    addScaled(out, Math.exp((scores[i] as number) - lse), v, u);
  });
  if (!dout) return { out, lse };
  let delta = 0;
  for (let d = 0; d < D; d++) delta += (out[d] as number) * (dout[t * D + d] as number);
  const dq = new Float64Array(D);
  keys.forEach((u, i) => {
    const weight = Math.exp((scores[i] as number) - lse);
    addScaled(dq, (weight * (dot(dout, t, v, u, D) - delta)) / Math.sqrt(D), k, u);
  });
  return { out, lse, dq };
}

/**
 * dk and dv of key u of head h: Σ over the queries that see it of dS·q and P·dO, P = exp(scale·q·k - lse), dS = scale·P·(dO·v - dO·O), in float64. lse
 * and O are the device's: by the definition each would cost a whole row, and a key has thousands.
 */
export function keyRow(
  data: HeadData & { readonly dout: Float32Array },
  pattern: ResolvedAttention,
  h: number,
  u: number,
): { dk: Float64Array; dv: Float64Array } {
  const { D, q, k, v, dout, out, lse } = data;
  const [dk, dv] = [new Float64Array(D), new Float64Array(D)];
  for (const t of queriesOf(pattern, h, u)) {
    const weight = Math.exp(dot(q, t, k, u, D) / Math.sqrt(D) - (lse[t] as number));
    const delta = dot(dout, t, out, t, D);
    addScaled(dk, (weight * (dot(dout, t, v, u, D) - delta)) / Math.sqrt(D), q, t);
    addScaled(dv, weight, dout, t);
  }
  return { dk, dv };
}

function dot(a: Float32Array, i: number, b: Float32Array, j: number, D: number): number {
  let sum = 0;
  for (let d = 0; d < D; d++) sum += (a[i * D + d] as number) * (b[j * D + d] as number);
  return sum;
}

function addScaled(into: Float64Array, factor: number, rows: Float32Array, row: number): void {
  for (let d = 0; d < into.length; d++)
    into[d] = (into[d] as number) + factor * (rows[row * into.length + d] as number);
}
