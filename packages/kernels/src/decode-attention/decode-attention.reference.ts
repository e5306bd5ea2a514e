import { attentionReference } from "../attention/oracle/dilated.ts";
import { resolveAttentionOptions } from "../attention/pattern/options.ts";
import { xposLogScale } from "../position/frequencies.ts";
import type { DecodeOptions } from "./decode-plan.ts";

/** Whole sequences: q [B, N, H, D], k and v [B, N, G, D]. */
export interface DecodeSequences {
  readonly shape: readonly [B: number, N: number, H: number, G: number, D: number];
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
}

/**
 * What decoding must give: rows `from` to N of causal dilated attention over the whole sequences, [B, N - from, H, D]
 * in f64.
 */
export function decodeReference(
  { shape, q, k, v }: DecodeSequences,
  from: number,
  options: DecodeOptions,
): Float64Array {
  const [B, N, H, G, D] = shape;
  const { length: _, xposScaleBase, ...pattern } = options;
  const kv = [B, N, G, D];
  const resolved = resolveAttentionOptions(
    "decodeReference",
    { q: [B, N - from, H, D], k: kv, v: kv },
    { ...pattern, causal: true, queryOffset: from },
  );
  // xPos: q·k loses 2^(decay·(t - u)); the factor is split between the two around the middle of the sequence.
  const decay = xposScaleBase === undefined ? () => 0 : xposLogScale(D / 2, xposScaleBase);
  const scaled = (x: ArrayLike<number>, heads: number, sign: number) =>
    Float64Array.from(x, (value, i) => {
      const t = Math.floor(i / (heads * D)) % N;
      return value * 2 ** (sign * decay((i % D) >> 1) * (t - N / 2));
    });
  const queries = scaled(q, H, 1).filter((_, i) => Math.floor(i / (H * D)) % N >= from);
  return attentionReference({ q: queries, k: scaled(k, G, -1), v }, resolved).out;
}
