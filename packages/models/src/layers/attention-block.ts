import { reshape, type Tensor } from "@dilated/core";
import { type DilatedAttentionOptions, dilatedAttention, layerNorm, linear, rope, xpos } from "@dilated/kernels";
import { type Initializer, initLinear, initNorm, type LinearParameters, type NormParameters } from "./parameters.ts";

/** How queries and keys learn where they are. */
export type PositionKind = "xpos" | "rope" | "none";

/** Weights of multi-head dilated self-attention. */
export interface AttentionParameters {
  readonly query: LinearParameters;
  readonly key: LinearParameters;
  readonly value: LinearParameters;
  /** Sub-LN: normalises the heads' joint output before the last projection (MAGNETO). */
  readonly innerNorm: NormParameters;
  readonly output: LinearParameters;
}

/** Shape of an attention block. */
export interface AttentionShape {
  /** E */
  readonly dim: number;
  /** H */
  readonly heads: number;
  /** G, divides H */
  readonly kvHeads: number;
  readonly position: PositionKind;
  readonly eps: number;
}

/** `gain` scales value and output projections by depth (MAGNETO). */
export function initAttention(
  init: Initializer,
  shape: AttentionShape,
  gain: number,
  label: string,
): AttentionParameters {
  const { dim, heads, kvHeads } = shape;
  const kvDim = (dim / heads) * kvHeads;
  return {
    query: initLinear(init, dim, dim, 1, `${label}.query`),
    key: initLinear(init, dim, kvDim, 1, `${label}.key`),
    value: initLinear(init, dim, kvDim, gain, `${label}.value`),
    innerNorm: initNorm(init, dim, `${label}.innerNorm`),
    output: initLinear(init, dim, dim, gain, `${label}.output`),
  };
}

/** What stands between the projections: q [B, N, H, D] and k, v [B, N, G, D], not yet rotated -> [B, N, H, D]. Decoding puts its cache here. */
export type Attend = (q: Tensor, k: Tensor, v: Tensor) => Tensor;

/** The forward pass over whole sequences: rotate, attend along the branches. */
export function attendSequence(position: PositionKind, options: DilatedAttentionOptions): Attend {
  return (q, k, v) => dilatedAttention(rotate(q, position, false), rotate(k, position, true), v, options).out;
}

/** x [B, N, E] -> [B, N, E]: project, attend, sub-LN, project. */
export function attentionBlock(x: Tensor, p: AttentionParameters, shape: AttentionShape, attend: Attend): Tensor {
  const [B = 1, N = 0] = x.shape;
  const { heads, kvHeads, dim } = shape;
  const head = dim / heads;
  const split = (w: LinearParameters, count: number) => reshape(linear(x, w.weight, w.bias), [B, N, count, head]);
  const out = attend(split(p.query, heads), split(p.key, kvHeads), split(p.value, kvHeads));
  const normed = layerNorm(reshape(out, [B, N, dim]), p.innerNorm.weight, p.innerNorm.bias, { eps: shape.eps });
  return linear(normed, p.output.weight, p.output.bias);
}

function rotate(x: Tensor, position: PositionKind, isKey: boolean): Tensor {
  if (position === "xpos") return xpos(x, { downscale: isKey });
  return position === "rope" ? rope(x) : x;
}
