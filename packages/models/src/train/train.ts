import { AbortedError, treeTensors, valueAndGrad } from "@dilated/core";
import { clipScale, gradNorm } from "@dilated/kernels";
import { type Batches, batchToDevice, countOf, type OnDevice } from "./batch.ts";
import type { Optimizer, OptimizerState } from "./optimizer.ts";
import type { Trainable } from "./trainable.ts";

export interface TrainOptions {
  readonly optimizer: Optimizer;
  /** Steps in all, counted from the very beginning. */
  readonly steps: number;
  /** Largest norm of the whole gradient. @defaultValue 1 */
  readonly maxNorm?: number;
  /** Seeds dropout, with the step. @defaultValue 0 */
  readonly seed?: number;
  /** Where to go on; from `restoreTraining`. @defaultValue a fresh start */
  readonly state?: TrainState;
  /** Stops before the next step; the generator then throws AbortedError. */
  readonly signal?: AbortSignal;
}

/** What training needs to go on exactly where it stopped. */
export interface TrainState {
  /** Steps done. */
  step: number;
  readonly optimizer: OptimizerState;
}

/** What one step reports. */
export interface TrainStep {
  /** Counts from 1. */
  readonly step: number;
  readonly steps: number;
  /** Nats a token, before the step. */
  readonly loss: number;
  /** Norm of the whole gradient, before clipping. */
  readonly gradNorm: number;
  readonly learningRate: number;
  readonly tokens: number;
  /** Since the generator's first step. */
  readonly tokensPerSecond: number;
  /** Seconds left at this pace. */
  readonly eta: number;
  /** Bytes of tensors alive, at their highest so far. */
  readonly peakBytes: number;
  readonly state: TrainState;
}

/** A fresh state: step 0, empty moments. */
export function initTraining(model: Trainable<never>, optimizer: Optimizer): TrainState {
  return { step: 0, optimizer: optimizer.init(model.parameters) };
}

/**
 * Trains step by step. Each iteration does one step and reports it; the state in the report is live, and is complete between iterations,
 * which is when to save it.
 *
 * @throws AbortedError when `signal` fires; the state is then that of the last finished step.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { adamW, byteBatches, createModel, train } from "@dilated/models";
 * using device = await openDevice();
 * const model = createModel(device, { kind: "longnet-lm", preset: "tiny" });
 * const batches = byteBatches(new TextEncoder().encode("a text worth learning. ".repeat(20)), { seq: 128 });
 * for await (const step of train(model, batches, { optimizer: adamW({ lr: 3e-4 }), steps: 3 })) console.log(step.step, step.loss);
 * ```
 */
export async function* train<B>(
  model: Trainable<OnDevice<NoInfer<B>>>,
  batches: Batches<B>,
  options: TrainOptions,
): AsyncGenerator<TrainStep, TrainState> {
  const { optimizer, steps, maxNorm = 1, seed = 0, signal } = options;
  const { device } = model;
  const state = options.state ?? initTraining(model, optimizer);
  const started = performance.now();
  let done = 0;
  while (state.step < steps) {
    if (signal?.aborted) {
      throw new AbortedError(`train: stopped after step ${state.step} of ${steps}`, {
        cause: signal.reason,
        fix: "resume from the last checkpoint",
      });
    }
    const given = await batches(state.step);
    const tokens = countOf(given);
    const { value, norm } = device.scope(() => {
      const batch = batchToDevice(device, given);
      const dropoutSeed = seed * 1_000_003 + state.step;
      const { value, grads } = valueAndGrad(model.parameters, () => model.loss(batch, { dropoutSeed }));
      const norm = gradNorm(treeTensors(grads));
      optimizer.update(model.parameters, grads, state.optimizer, state.step, clipScale(norm, maxNorm));
      return { value, norm };
    });
    const [loss, gradientNorm] = await Promise.all([value.item(), norm.item()]);
    value.dispose();
    norm.dispose();
    const learningRate = optimizer.learningRate(state.step);
    state.step += 1;
    done += tokens;
    const seconds = (performance.now() - started) / 1000;
    yield {
      step: state.step,
      steps,
      loss,
      gradNorm: gradientNorm,
      learningRate,
      tokens,
      tokensPerSecond: done / seconds,
      eta: ((steps - state.step) * tokens * seconds) / done,
      peakBytes: device.stats().peak,
      state,
    };
  }
  return state;
}
