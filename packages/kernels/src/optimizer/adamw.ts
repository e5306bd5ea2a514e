import { checkCall, field, type Tensor } from "@dilated/core";
import { adamWKernel } from "./kernels.ts";
import { checkStep, runStep, STEP_OPTIONS, type StepOptions } from "./step.ts";

/** Options of {@link adamWStep}. */
export interface AdamWStepOptions extends StepOptions {
  /** Learning rate. */
  readonly lr: number;
  /** Number of this step, from 1. */
  readonly step: number;
  /** Decay of the mean of gradients. @defaultValue 0.9 */
  readonly beta1?: number | undefined;
  /** Decay of the mean of squared gradients. @defaultValue 0.999 */
  readonly beta2?: number | undefined;
  /** Added to the root of the corrected second moment. @defaultValue 1e-8 */
  readonly eps?: number | undefined;
  /** Decoupled: param shrinks by lr·weightDecay before the update. @defaultValue 0.01 */
  readonly weightDecay?: number | undefined;
}

const options = field.options<AdamWStepOptions>({
  lr: field.number(0),
  step: field.positiveInteger(),
  beta1: field.optional(field.fraction()),
  beta2: field.optional(field.fraction()),
  eps: field.optional(field.positive()),
  weightDecay: field.optional(field.number(0)),
  ...STEP_OPTIONS,
});
const ARGUMENTS = { param: field.tensor(), grad: field.tensor(), m: field.tensor(), v: field.tensor(), options };

/**
 * One step of AdamW, in place: param, m and v change. The arithmetic and the defaults are PyTorch's.
 *
 * Everything is queued and nothing is read back: with `gradScale` from {@link clipScale} a step whose gradients overflowed leaves param, m
 * and v as they were.
 *
 * @param param - f32, any shape
 * @param grad - f32 or f16, shape of param
 * @param m - f32 first moment, zeros before step 1
 * @param v - f32 second moment, zeros before step 1
 * @throws ShapeError, DtypeError, ConfigError
 * @see Decoupled Weight Decay Regularization (arXiv 1711.05101)
 */
export function adamWStep(param: Tensor, grad: Tensor, m: Tensor, v: Tensor, options: AdamWStepOptions): void {
  checkCall("adamWStep", ARGUMENTS, arguments);
  const { lr, step, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay = 0.01, gradScale, copyTo } = options;
  checkStep("adamWStep", param, grad, { m, v }, options);
  const scalars = {
    beta1,
    fresh1: 1 - beta1,
    beta2,
    fresh2: 1 - beta2,
    keep: 1 - lr * weightDecay,
    rate: lr / (1 - beta1 ** step),
    root: 1 / Math.sqrt(1 - beta2 ** step),
    eps,
  };
  runStep(param, grad, copyTo, (g, { of, quads, launch, copy }) => {
    const tensors = { param: of(param), grad: of(g), m: of(m), v: of(v), scale: gradScale, copy };
    param.device.run(adamWKernel, { tensors, scalars: { quads, ...scalars }, ...launch });
  });
}
