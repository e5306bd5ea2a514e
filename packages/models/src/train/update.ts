import type { Tensor } from "@dilated/core";
import { clipScale, gradNorm, mul, scale } from "@dilated/kernels";
import type { Gradients } from "./gradients.ts";
import type { ResolvedTrainOptions } from "./options.ts";
import type { TrainState } from "./state.ts";
import type { Trainable } from "./trainable.ts";
import { inverse } from "./weights.ts";

/** Stands for "no limit" where a kernel takes an f32. */
const NO_LIMIT = 3e38;

/**
 * Queues one update of the weights, and of their f16 copy: clipped, the loss scale divided out, and skipped on the device when a gradient is not finite.
 *
 * @returns norm of the gradients times the loss scale, one element; not finite when the update was skipped.
 */
export function queueUpdate(
  model: Trainable<never>,
  { grads, weight }: Gradients,
  state: TrainState,
  { optimizer, maxNorm, copy }: Pick<ResolvedTrainOptions<never>, "optimizer" | "maxNorm"> & { readonly copy: unknown },
): Tensor {
  const lossScale = state.lossScale?.scale ?? 1;
  return model.device.scope(() => {
    const share = weight && inverse(weight);
    const divided = (x: Tensor): Tensor => (share ? mul(x, share) : x);
    const norm = divided(gradNorm(grads));
    // min(1, maxNorm / (norm / S)) / S, where norm / S is that of the true gradient
    const clip = clipScale(norm, Math.min(maxNorm * lossScale, NO_LIMIT));
    const gradScale = divided(lossScale === 1 ? clip : scale(clip, 1 / lossScale));
    const { step, skipped } = state;
    optimizer.update(model.parameters, grads, state.optimizer, {
      step,
      updates: step - skipped,
      gradScale,
      copyTo: copy,
    });
    return norm;
  });
}
