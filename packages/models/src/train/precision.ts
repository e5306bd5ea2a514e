import { joinedLike, joinTensors, treeTensors } from "@dilated/core";
import type { ResolvedTrainOptions } from "./options.ts";
import type { TrainState } from "./state.ts";
import { type Trainable, withParameters } from "./trainable.ts";

/** What forward and backward run on. */
export interface Working<M> {
  readonly model: M;
  /** f16 copy of the weights, which the optimiser's kernels keep up to date; undefined where the weights themselves are used. */
  readonly copy: unknown;
  dispose(): void;
}

/** The model itself, or in mixed precision the model over an f16 copy of its weights. */
export function openWorking<M extends Trainable<never>>(
  model: M,
  state: TrainState,
  { precision, optimizer }: Pick<ResolvedTrainOptions<never>, "precision" | "optimizer">,
): Working<M> {
  // A step is a few launches over all weights instead of two a tensor.
  for (const tree of [model.parameters, ...Object.values(state.optimizer), state.ema]) joinTensors(tree);
  if (precision === "f32") return { model, copy: undefined, dispose: () => {} };
  const copy = joinedLike(model.parameters, { dtype: "f16", label: "weights f16" });
  const dispose = () => {
    for (const tensor of treeTensors(copy)) tensor.dispose();
  };
  try {
    // The optimiser's kernels write the copy after each step. They write the first one, too, in a step that is skipped (a gradient scale of 0): rounding
    // to f16 is up to the GPU, and a resumed run must see the same bits.
    model.device.scope(() => {
      const grads = joinedLike(model.parameters, { dtype: "f16", label: "grad", value: 0 });
      const gradScale = model.device.zeros([]);
      optimizer.update(model.parameters, grads, state.optimizer, { step: 0, updates: 0, gradScale, copyTo: copy });
    });
    return { model: withParameters(model, copy), copy, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
