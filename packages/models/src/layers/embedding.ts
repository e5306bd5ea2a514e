import { ShapeError, type Tensor } from "@dilated/core";
import { embedding, layerNorm, scale } from "@dilated/kernels";
import type { StackConfig } from "../stack/config.ts";
import type { ForwardOptions } from "../stack/stack.ts";
import { checkBounds, checkMask } from "./masks.ts";
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
export function checkInput(
  caller: string,
  input: Tensor,
  { vocab, dim }: { readonly vocab: number; readonly dim: number },
  { keyMask, cuSeqlens, starts }: Pick<ForwardOptions, "keyMask" | "cuSeqlens" | "starts"> = {},
): void {
  const isTokens = input.rank === 2 && vocab > 0 && input.dtype === "i32";
  if (!isTokens && !(input.rank === 3 && input.shape[2] === dim)) {
    const allowed = [...(vocab > 0 ? ["tokens [B, N] (i32)"] : []), `vectors [B, N, ${dim}]`].join(" or ");
    throw new ShapeError(`${caller}: the input must be ${allowed}`, {
      details: [String(input)],
      fix: `give ${vocab > 0 ? "token ids of dtype i32" : `vectors of the model's width, ${dim}`}, made with device.tensor`,
    });
  }
  const [B = 1, N = 0] = input.shape;
  checkMask(`${caller}: keyMask`, keyMask, B, [N]);
  checkBounds(caller, cuSeqlens, N);
  if (
    starts !== undefined &&
    !(starts.length === B && starts.every((start) => Number.isSafeInteger(start) && start >= 0))
  )
    throw new ShapeError(`${caller}: starts must be ${B} positions, one a sequence`, {
      details: [`given: ${starts.length > 8 ? `${starts.length} of them` : [...starts].map(String).join(", ")}`],
      fix: "pass integers from 0",
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
