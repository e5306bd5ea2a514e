import { type Tensor, treeTensors } from "@dilated/core";
import type { Model } from "../registry.ts";
import { updateEma } from "../train/ema.ts";
import { addGradients, disposeGradients } from "../train/gradients.ts";
import type { ResolvedTrainOptions } from "../train/options.ts";
import { openWorking } from "../train/precision.ts";
import { freshState } from "../train/state.ts";
import { type Trainable, withParameters } from "../train/trainable.ts";
import { queueUpdate } from "../train/update.ts";
import { type CallSize, lossOnce } from "./dry-run.ts";

/** Bytes that training holds beside weights and activations. */
export interface TrainingBytes {
  readonly gradients: number;
  readonly optimizer: number;
  readonly ema: number;
  /** The f16 copy of the weights. */
  readonly copy: number;
}

/** The first step of `train`, with its own parts; nothing is read back. */
export function trainOnce(model: Model, size: CallSize, options: ResolvedTrainOptions<never>): TrainingBytes {
  const { device } = model;
  const trainable = asTrainable(model, size);
  const state = freshState(trainable, options);
  const working = openWorking(trainable, state, options);
  const gradients = device.scope(() => {
    const seed = state.lossScale?.scale ?? 1;
    const call = { batch: undefined, dropoutSeed: 0, seed, microBatches: 1 };
    const sum = addGradients(working.model, call, undefined);
    queueUpdate(trainable, sum, state, { ...options, copy: working.copy });
    const bytes = bytesOf(sum.grads);
    disposeGradients(sum);
    if (options.ema !== undefined) updateEma(state.ema, model.parameters, options.ema, 1);
    return bytes;
  });
  return { gradients, optimizer: bytesOf(state.optimizer), ema: bytesOf(state.ema), copy: bytesOf(working.copy) };
}

/** Any of our models with a loss. */
function asTrainable(model: Model, size: CallSize): Trainable<undefined> {
  return {
    device: model.device,
    parameters: model.parameters,
    loss: lossOnce(model, size),
    withParameters: (parameters) => asTrainable(over(model, parameters), size),
  };
}

function over(model: Model, parameters: unknown): Model {
  switch (model.kind) {
    case "longnet-encoder":
      return model.withParameters(parameters as typeof model.parameters);
    case "longnet-vit":
      return model.withParameters(parameters as typeof model.parameters);
    default:
      return withParameters(model, parameters);
  }
}

function bytesOf(tree: unknown): number {
  return treeTensors(tree).reduce((total, tensor: Tensor) => total + tensor.storage.bytes, 0);
}
