import { checkCall, type FieldsOf, field, ShapeError, type Tensor } from "@dilated/core";
import {
  dropout as dropElements,
  type KeyMask,
  layerNorm,
  linear,
  maskedMean,
  mean,
  rmsNorm,
  scale,
} from "@dilated/kernels";
import { checkMask } from "../layers/masks.ts";
import {
  INIT,
  type Initializer,
  initLinear,
  initNorm,
  type LinearParameters,
  type NormParameters,
} from "../layers/parameters.ts";
import { HEAD, LABEL } from "../options/kinds.ts";

/** Weights of a head: an optional norm, and a projection. */
export interface HeadParameters {
  readonly norm?: NormParameters;
  /** [classes, E], or [width, E] of an embedding. */
  readonly projection: LinearParameters;
}

/** Sizes of a head. */
export interface HeadOptions {
  /** E: width of the features. */
  readonly dim: number;
  /** Classes, or the width of the embedding. */
  readonly out: number;
  /** Layer norm in front of the projection. @defaultValue true */
  readonly norm?: boolean | undefined;
}

const OPTIONS: FieldsOf<HeadOptions> = {
  dim: field.positiveInteger(),
  out: field.positiveInteger(),
  norm: field.optional(field.boolean()),
};

const INIT_HEAD = { init: INIT, options: field.options<HeadOptions>(OPTIONS), label: field.optional(LABEL) };
const EMBED = { features: field.tensor("features [..., E]"), p: HEAD };
const CLASSIFY = {
  ...EMBED,
  dropout: field.optional(
    field.object({
      p: field.fraction(),
      seed: field.nonNegativeInteger(),
      stream: field.optional(field.nonNegativeInteger(2 ** 31 - 2 ** 16)),
    }),
  ),
};
const POOL = { x: field.tensor(), keyMask: field.optional(field.either(field.tensor(), field.numbers())) };

/** Weights of a head for {@link classify} and {@link embed}. */
export function initHead(init: Initializer, options: HeadOptions, label = "head"): HeadParameters {
  checkCall("initHead", INIT_HEAD, arguments);
  const { dim, out, norm = true } = options;
  return init.all(() => ({
    ...(norm ? { norm: initNorm(init, dim, `${label}.norm`) } : {}),
    projection: initLinear(init, dim, out, 1, `${label}.projection`),
  }));
}

/**
 * Features [..., E] -> logits [..., classes].
 *
 * @param dropout - rate and seed of one training step; leave out for evaluation. Its mask is apart from those of a model under the same seed; several heads
 * take a `stream` each, an integer below 2^31 - 2^16 (by default 0)
 * @example
 * ```ts
 * import { openDevice, valueAndGrad } from "@dilated/core";
 * import { crossEntropy } from "@dilated/kernels";
 * import { classify, createLongNetEncoder, initHead, Initializer, poolTokens } from "@dilated/models";
 * const device = await openDevice();
 * const encoder = createLongNetEncoder(device, { dim: 16, layers: 1, heads: 2, branches: [{ segment: 8, dilation: 1 }] });
 * const head = initHead(new Initializer(device, 1), { dim: 16, out: 3 });
 * const x = device.randomNormal([2, 20, 16], { seed: 1 });
 * const labels = device.tensor([0, 2], [2], { dtype: "i32" });
 * const { value, grads } = valueAndGrad({ encoder: encoder.parameters, head }, () =>
 *   crossEntropy(classify(poolTokens(encoder.forward(x)), head), labels),
 * );
 * console.log(await value.item(), grads.head.projection.weight.shape);
 * device.dispose();
 * ```
 */
export function classify(
  features: Tensor,
  p: HeadParameters,
  dropout?: { readonly p: number; readonly seed: number; readonly stream?: number },
): Tensor {
  checkCall("classify", CLASSIFY, arguments);
  checkWidth("classify", features, p);
  return features.device.scope(() => classified(features, p, dropout));
}

function classified(features: Tensor, p: HeadParameters, dropout: Parameters<typeof classify>[2]): Tensor {
  const normed = p.norm ? layerNorm(features, p.norm.weight, p.norm.bias) : features;
  return linear(dropout ? dropFeatures(normed, dropout) : normed, p.projection.weight, p.projection.bias);
}

function checkWidth(caller: string, features: Tensor, { projection }: HeadParameters): void {
  const [width, E] = [features.shape.at(-1), projection.weight.shape[1]];
  if (width === E) return;
  throw new ShapeError(`${caller}: features must be [..., ${E}], the dim of the head`, {
    details: [String(features)],
    fix: "make the head with the features' width: initHead(init, { dim, out })",
  });
}

/** The streams of a model's layers are below 2^16: see `noisePlans`. */
const HEAD_STREAMS = 2 ** 16;

function dropFeatures(x: Tensor, { p, seed, stream = 0 }: { p: number; seed: number; stream?: number }): Tensor {
  return dropElements(x, { p, seed, stream: HEAD_STREAMS + stream });
}

/** Features [..., E] -> embeddings [..., width] of length 1, for comparison by dot products. */
export function embed(features: Tensor, p: HeadParameters): Tensor {
  checkCall("embed", EMBED, arguments);
  checkWidth("embed", features, p);
  return features.device.scope(() => {
    const projected = classified(features, p, undefined);
    // The norm without weights has length sqrt(width).
    return scale(rmsNorm(projected, undefined, { eps: 1e-12 }), (projected.shape.at(-1) ?? 1) ** -0.5);
  });
}

/**
 * Mean over the tokens that count: [B, N, E] -> [B, E]. What stands in padding is never read.
 *
 * @param keyMask - [B, N]; tokens that are 0 do not count. A sample without any that does is an error where the mask
 * is an array, and NaN otherwise
 * @throws ShapeError when the mask does not fit, or a sample has no token that counts.
 */
export function poolTokens(x: Tensor, keyMask?: KeyMask): Tensor {
  checkCall("poolTokens", POOL, arguments);
  const [B = 1, N = 0] = x.shape;
  if (x.rank !== 3) {
    throw new ShapeError("poolTokens: x must be [B, N, E]", { details: [String(x)], fix: "pass states of tokens" });
  }
  checkMask("poolTokens: keyMask", keyMask, B, [N]);
  return keyMask === undefined ? mean(x, { axis: 1 }) : maskedMean(x, keyMask);
}
