import type { Tensor } from "@dilated/core";
import { gelu, layerNorm, linear } from "@dilated/kernels";
import { type Initializer, initLinear, initNorm, type LinearParameters, type NormParameters } from "./parameters.ts";

/** Weights of `down(norm(gelu(up(x))))`; the inner norm is sub-LN's. */
export interface FeedForwardParameters {
  readonly up: LinearParameters;
  readonly innerNorm: NormParameters;
  readonly down: LinearParameters;
}

export function initFeedForward(
  init: Initializer,
  dim: number,
  hidden: number,
  gain: number,
  label: string,
): FeedForwardParameters {
  return {
    up: initLinear(init, dim, hidden, gain, `${label}.up`),
    innerNorm: initNorm(init, hidden, `${label}.innerNorm`),
    down: initLinear(init, hidden, dim, gain, `${label}.down`),
  };
}

/** x [..., E] -> [..., E] */
export function feedForward(x: Tensor, p: FeedForwardParameters, eps: number): Tensor {
  const hidden = gelu(linear(x, p.up.weight, p.up.bias));
  return linear(layerNorm(hidden, p.innerNorm.weight, p.innerNorm.bias, { eps }), p.down.weight, p.down.bias);
}
