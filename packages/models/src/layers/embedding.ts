import { ShapeError, Tensor } from "@dilated/core";
import { embedding, layerNorm, scale } from "@dilated/kernels";
import type { StackConfig } from "../stack/config.ts";
import type { ForwardOptions } from "../stack/stack.ts";
import { drop, noisePlans } from "./noise.ts";
import { type Initializer, initNorm, type NormParameters } from "./parameters.ts";
import { addPositions } from "./positions.ts";

/** What stands in front of the layers. */
export interface InputParameters {
  /** [V, E]; absent where a model takes embeddings. */
  readonly embedding?: Tensor;
  /** [P, E]: learned positions. */
  readonly positions?: Tensor;
  /** Norm of the embeddings. */
  readonly embeddingNorm?: NormParameters;
}

/** How tokens become vectors. */
export interface InputConfig extends StackConfig {
  /** V; 0 where a model takes embeddings. */
  readonly vocab: number;
  /** Multiply embeddings by sqrt(E). */
  readonly scaleEmbedding: boolean;
  /** Layer norm behind embedding and positions. */
  readonly embeddingNorm: boolean;
}

/** Embedding and positions of deviation E^-½. */
export function initInput(init: Initializer, config: InputConfig, label = ""): InputParameters {
  const { vocab, dim, position, maxPositions } = config;
  const std = dim ** -0.5;
  return {
    ...(vocab > 0 ? { embedding: init.normal([vocab, dim], std, `${label}embedding`) } : {}),
    ...(position === "learned" ? { positions: init.normal([maxPositions, dim], std, `${label}positions`) } : {}),
    ...(config.embeddingNorm ? { embeddingNorm: initNorm(init, dim, `${label}embeddingNorm`) } : {}),
  };
}

/**
 * @param caller - whom the user called
 * @throws ShapeError unless the input is tokens [B, N] (where there is a vocabulary) or vectors [B, N, E].
 */
export function checkInput(caller: string, input: Tensor, { vocab, dim }: { vocab: number; dim: number }): void {
  const given: unknown = input;
  if (given instanceof Tensor) {
    if (given.rank === 2 && vocab > 0 && given.dtype === "i32") return;
    if (given.rank === 3 && given.shape[2] === dim) return;
  }
  const allowed = [...(vocab > 0 ? ["tokens [B, N] (i32)"] : []), `vectors [B, N, ${dim}]`].join(" or ");
  throw new ShapeError(`${caller}: the input must be ${allowed}`, {
    details: [given instanceof Tensor ? String(given) : `given: ${given === null ? "null" : typeof given}, no tensor`],
    fix: `give ${vocab > 0 ? "token ids of dtype i32" : `vectors of the model's width, ${dim}`}, made with device.tensor`,
  });
}

/**
 * Tokens [B, N] (i32, where there is a vocabulary) or vectors [B, N, E] -> what the first layer gets, [B, N, E].
 *
 * @param firstSlot - as in `noisePlans`
 */
export function embedInput(
  input: Tensor,
  p: InputParameters,
  config: InputConfig,
  { dropoutSeed, keyMask, cuSeqlens, starts }: ForwardOptions,
  firstSlot = 0,
): Tensor {
  const { dim, position, eps, dropout, layers } = config;
  return input.device.scope(() => {
    const vectors = p.embedding && input.rank === 2 ? embedding(p.embedding, input) : input.alias();
    const scaled = config.scaleEmbedding ? scale(vectors, Math.sqrt(dim)) : vectors;
    const placed = addPositions(scaled, { kind: position, table: p.positions, keyMask, cuSeqlens, starts });
    const { embeddingNorm: norm } = p;
    const normed = norm ? layerNorm(placed, norm.weight, norm.bias, { eps }) : placed;
    // The slot behind the last layer's.
    return drop(normed, dropout, noisePlans(config, dropoutSeed, firstSlot)(layers));
  });
}
