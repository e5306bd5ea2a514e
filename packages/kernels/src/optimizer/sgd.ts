import { ConfigError, checkCall, field, type Maybe, type Tensor } from "@dilated/core";
import { sgdKernel } from "./kernels.ts";
import { checkStep, runStep, STEP_OPTIONS, type StepOptions } from "./step.ts";

/** Options of {@link sgdStep}. */
export interface SGDStepOptions extends StepOptions {
  /** Learning rate. */
  readonly lr: number;
  /** Share of the old velocity that is kept; needs `velocity`. @defaultValue 0 */
  readonly momentum?: number | undefined;
  /** Looks ahead along the velocity; needs momentum. @defaultValue false */
  readonly nesterov?: boolean | undefined;
  /** Added to the gradient as weightDecay·param. @defaultValue 0 */
  readonly weightDecay?: number | undefined;
}

const options = field.options<SGDStepOptions>({
  lr: field.number(0),
  momentum: field.optional(field.fraction()),
  nesterov: field.optional(field.boolean()),
  weightDecay: field.optional(field.number(0)),
  ...STEP_OPTIONS,
});
const velocity = field.optional(field.tensor());
const ARGUMENTS = { param: field.tensor(), grad: field.tensor(), velocity, options };

/**
 * One step of stochastic gradient descent, in place: param and velocity change. The arithmetic is PyTorch's (dampening 0).
 *
 * @param param - f32, any shape
 * @param grad - f32 or f16, shape of param
 * @param velocity - f32, zeros before the first step; undefined without momentum
 * @throws ShapeError, DtypeError, ConfigError
 */
export function sgdStep(param: Tensor, grad: Tensor, velocity: Maybe<Tensor>, options: SGDStepOptions): void {
  checkCall("sgdStep", ARGUMENTS, arguments);
  const { lr, momentum = 0, nesterov = false, weightDecay = 0, gradScale, copyTo } = options;
  if ((momentum > 0 && !velocity) || (nesterov && momentum === 0)) {
    throw new ConfigError(momentum > 0 ? "sgdStep: momentum needs a velocity" : "sgdStep: nesterov needs momentum", {
      details: [`momentum: ${momentum}`, `nesterov: ${nesterov}`, `velocity: ${velocity ? "given" : "missing"}`],
      fix: momentum > 0 ? "pass device.zeros(param.shape) as velocity" : "pass momentum, e.g. 0.9",
    });
  }
  checkStep("sgdStep", param, grad, { velocity }, options);
  runStep(param, grad, copyTo, (g, { of, quads, launch, copy }) => {
    const tensors = {
      param: of(param),
      grad: of(g),
      velocity: momentum > 0 ? of(velocity) : undefined,
      scale: gradScale,
      copy,
    };
    param.device.run(sgdKernel, {
      tensors,
      scalars: { quads, nesterov: nesterov ? 1 : 0, rate: lr, momentum, decay: weightDecay },
      ...launch,
    });
  });
}
