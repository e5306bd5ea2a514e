import { joinedRuns, type Tensor, treeTensors } from "@dilated/core";
import { sgdStep } from "@dilated/kernels";

/** Decay of the average at its `t`-th update (from 1): rises to `decay`, so that the first weights do not weigh for ever. */
export function emaDecay(decay: number, t: number): number {
  return Math.min(decay, (1 + t) / (10 + t));
}

/**
 * ema = d·ema + (1 − d)·weights, in place, one launch a run of tensors that lie side by side. It is a step of gradient
 * descent with rate 1 − d on ½|ema − weights|²: the "gradient" is −weights, and `weightDecay` 1 adds ema.
 *
 * @param average - tree of f32 tensors
 * @param parameters - tree of the same shapes
 * @param t - number of this update, from 1
 */
export function updateEma(average: unknown, parameters: unknown, decay: number, t: number): void {
  const [to, from] = [treeTensors(average), treeTensors(parameters)];
  const device = to[0]?.device;
  device?.scope(() => {
    const gradScale = device.full([], -1, { label: "ema" });
    const lr = 1 - emaDecay(decay, t);
    for (const { of } of joinedRuns([to, from]))
      sgdStep(of(0) as Tensor, of(1) as Tensor, undefined, { lr, weightDecay: 1, gradScale });
  });
}
