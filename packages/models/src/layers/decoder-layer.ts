import type { Tensor } from "@dilated/core";
import { add, dropout, layerNorm } from "@dilated/kernels";
import {
  type Attend,
  type AttentionParameters,
  type AttentionShape,
  attentionBlock,
  initAttention,
} from "./attention-block.ts";
import { type FeedForwardParameters, feedForward, initFeedForward } from "./feed-forward.ts";
import { type Initializer, initNorm, type NormParameters } from "./parameters.ts";

/** One pre-LN decoder layer with sub-LN. */
export interface DecoderLayerParameters {
  readonly attentionNorm: NormParameters;
  readonly attention: AttentionParameters;
  readonly feedForwardNorm: NormParameters;
  readonly feedForward: FeedForwardParameters;
}

/** Dropout of one training step; each use takes the next seed, so no two masks are alike. */
export interface DropoutPlan {
  readonly p: number;
  nextSeed(): number;
}

export function initDecoderLayer(
  init: Initializer,
  shape: AttentionShape,
  hidden: number,
  gain: number,
  label: string,
): DecoderLayerParameters {
  return {
    attentionNorm: initNorm(init, shape.dim, `${label}.attentionNorm`),
    attention: initAttention(init, shape, gain, `${label}.attention`),
    feedForwardNorm: initNorm(init, shape.dim, `${label}.feedForwardNorm`),
    feedForward: initFeedForward(init, shape.dim, hidden, gain, `${label}.feedForward`),
  };
}

/** x [B, N, E] -> [B, N, E] */
export function decoderLayer(
  x: Tensor,
  p: DecoderLayerParameters,
  shape: AttentionShape,
  attend: Attend,
  plan: DropoutPlan | undefined,
): Tensor {
  const { eps } = shape;
  const drop = (y: Tensor) => (plan ? dropout(y, { p: plan.p, seed: plan.nextSeed() }) : y);
  const attended = attentionBlock(
    layerNorm(x, p.attentionNorm.weight, p.attentionNorm.bias, { eps }),
    p.attention,
    shape,
    attend,
  );
  const middle = add(x, drop(attended));
  const fed = feedForward(
    layerNorm(middle, p.feedForwardNorm.weight, p.feedForwardNorm.bias, { eps }),
    p.feedForward,
    eps,
  );
  return add(middle, drop(fed));
}
