import { ConfigError, type Maybe, type Tensor } from "@dilated/core";
import { checkNumber, checkOptions } from "../shared/check.ts";
import { sgdKernel } from "./kernels.ts";
import { checkStep, runStep, type StepOptions } from "./step.ts";

/** Options of {@link sgdStep}. */
export interface SGDStepOptions extends StepOptions {
  /** Learning rate. */
  readonly lr: number;
  /** Share of the old velocity that is kept; needs `velocity`. @defaultValue 0 */
  readonly momentum?: number;
  /** Looks ahead along the velocity; needs momentum. @defaultValue false */
  readonly nesterov?: boolean;
  /** Added to the gradient as weightDecay·param. @defaultValue 0 */
  readonly weightDecay?: number;
}

/**
 * One step of stochastic gradient descent, in place: param and velocity change. The arithmetic is PyTorch's (dampening 0).
 *
 * @param param - f32, any shape
 * @param grad - f32 or f16, shape of param
 * @param velocity - f32, zeros before the first step; undefined without momentum
 * @throws ShapeError, DtypeError, ConfigError
 */
export function sgdStep(param: Tensor, grad: Tensor, velocity: Maybe<Tensor>, options: SGDStepOptions): void {
  checkOptions("sgdStep", options, ["lr", "momentum", "nesterov", "weightDecay", "gradScale", "copyTo"]);
  const { lr, momentum = 0, nesterov = false, weightDecay = 0, gradScale, copyTo } = options;
  checkNumber("sgdStep", "lr", lr, "a number of at least 0", (value) => value >= 0);
  checkNumber("sgdStep", "momentum", momentum, "a number in [0, 1)", (value) => value >= 0 && value < 1);
  checkNumber("sgdStep", "weightDecay", weightDecay, "a number of at least 0", (value) => value >= 0);
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
