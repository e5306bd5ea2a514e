import { type Tensor, treeMap, treeTensors } from "@dilated/core";
import { adamWStep, sgdStep } from "@dilated/kernels";
import type { Schedule } from "./schedule.ts";

/** What an optimiser remembers, as trees in the shape of the parameters. */
export type OptimizerState = Readonly<Record<string, unknown>>;

/** Turns gradients into updates, in place. */
export interface Optimizer {
  readonly name: string;
  init(parameters: unknown): OptimizerState;
  /** `step` counts from 0; `gradScale` is a tensor of one element that multiplies every gradient (clipping, loss scaling). */
  update(parameters: unknown, grads: unknown, state: OptimizerState, step: number, gradScale?: Tensor): void;
  learningRate(step: number): number;
}

/** AdamW with decoupled weight decay (arXiv 1711.05101). */
export interface AdamWOptions {
  /** Learning rate, or a schedule of it. */
  readonly lr: number | Schedule;
  /** @defaultValue 0.9 */
  readonly beta1?: number;
  /** @defaultValue 0.98 */
  readonly beta2?: number;
  /** @defaultValue 1e-8 */
  readonly eps?: number;
  /** Applied to matrices only: norms and biases are left alone. @defaultValue 0.01 */
  readonly weightDecay?: number;
}

export function adamW(options: AdamWOptions): Optimizer {
  const { lr, beta1 = 0.9, beta2 = 0.98, eps = 1e-8, weightDecay = 0.01 } = options;
  const rate = asSchedule(lr);
  return {
    name: "adamw",
    learningRate: rate,
    init: (parameters) => ({ m: zerosLike(parameters, "adam.m"), v: zerosLike(parameters, "adam.v") }),
    update: (parameters, grads, state, step, gradScale) => {
      const [p, g, m, v] = [parameters, grads, state.m, state.v].map(treeTensors) as [
        Tensor[],
        Tensor[],
        Tensor[],
        Tensor[],
      ];
      p.forEach((param, i) => {
        const decay = param.rank >= 2 ? weightDecay : 0;
        const settings = {
          lr: rate(step),
          beta1,
          beta2,
          eps,
          weightDecay: decay,
          step: step + 1,
          ...(gradScale ? { gradScale } : {}),
        };
        adamWStep(param, g[i] as Tensor, m[i] as Tensor, v[i] as Tensor, settings);
      });
    },
  };
}

/** Stochastic gradient descent. */
export interface SGDOptions {
  readonly lr: number | Schedule;
  /** @defaultValue 0 */
  readonly momentum?: number;
  /** @defaultValue 0 */
  readonly weightDecay?: number;
}

export function sgd(options: SGDOptions): Optimizer {
  const { lr, momentum = 0, weightDecay = 0 } = options;
  const rate = asSchedule(lr);
  return {
    name: "sgd",
    learningRate: rate,
    init: (parameters) => (momentum > 0 ? { velocity: zerosLike(parameters, "sgd.velocity") } : {}),
    update: (parameters, grads, state, step, gradScale) => {
      const [p, g, velocity] = [parameters, grads, state.velocity].map(treeTensors) as [Tensor[], Tensor[], Tensor[]];
      p.forEach((param, i) => {
        sgdStep(param, g[i] as Tensor, velocity[i], {
          lr: rate(step),
          momentum,
          weightDecay,
          ...(gradScale ? { gradScale } : {}),
        });
      });
    },
  };
}

function asSchedule(lr: number | Schedule): Schedule {
  return typeof lr === "number" ? () => lr : lr;
}

function zerosLike(tree: unknown, label: string): unknown {
  return treeMap(tree, (tensor) => tensor.device.zeros(tensor.shape, { label }));
}
