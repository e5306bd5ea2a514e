import {
  AbortedError,
  type AbortSignalLike,
  checkCall,
  deriveSeed,
  eventLoopPauses,
  field,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import { TRAINABLE } from "../options/kinds.ts";
import { type Batches, checkBatch, countOf, type OnDevice } from "./batch.ts";
import { updateEma } from "./ema.ts";
import { evaluateWhenDue } from "./evaluate.ts";
import { addGradients, disposeGradients, type Gradients, meanLoss } from "./gradients.ts";
import { MOST_SKIPPED, nextLossScale, notFinite } from "./loss-scale.ts";
import { type ResolvedTrainOptions, resolveTrain, type TrainOptions } from "./options.ts";
import { openWorking, type Working } from "./precision.ts";
import type { TrainStep } from "./report.ts";
import { checkSameSettings, checkState, disposeTraining, freshState, type TrainState } from "./state.ts";
import type { Trainable } from "./trainable.ts";
import { unlessAborted } from "./unless-aborted.ts";
import { queueUpdate } from "./update.ts";

/** A step that takes longer waits for its gradients before it touches the weights, so that a signal can still end it: less than 1 % of its time. */
const SLOW_MS = 100;

/** The options are checked field by field, defaults filled in. */
const ARGUMENTS = { model: TRAINABLE, batches: field.func("of the step"), options: field.any("an object") };

/** How a step goes, beside what the caller asked for. */
interface Pace {
  /** Kernels are compiled in parallel first. */
  readonly cold: boolean;
  /** The step before took longer than {@link SLOW_MS}. */
  readonly slow: boolean;
  readonly pause: ReturnType<typeof eventLoopPauses>;
}

/**
 * Trains step by step. Each iteration does one step and reports it; the state in the report is live, and is complete between iterations,
 * which is when to save it. When the run ends, however it ends, its moments and averages are freed, unless `keepState` says otherwise.
 *
 * @param model - one of ours, or any {@link Trainable}
 * @param batches - the batch of each step, or of each micro-batch with `accumulate`: step · accumulate + i
 * @throws ConfigError that lists every bad option, and where `state` is of a run with other options; AbortedError when `signal` fires; the state is then that
 * of the last finished step. ShapeError for a step whose batches mask every token. LimitError when the gradients are
 * not finite at any loss scale, or for 30 steps in a row.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { adamW, byteBatches, createModel, train } from "@dilated/models";
 * const device = await openDevice();
 * const model = createModel(device, { kind: "longnet-lm", preset: "tiny" });
 * const batches = byteBatches(new TextEncoder().encode("a text worth learning. ".repeat(20)), { seq: 128 });
 * for await (const step of train(model, batches, { optimizer: adamW({ lr: 3e-4 }), steps: 3 })) console.log(step.step, step.loss);
 * device.dispose();
 * ```
 */
export async function* train<B, M extends Trainable<OnDevice<NoInfer<B>>>>(
  model: M,
  batches: Batches<B>,
  options: TrainOptions<M>,
): AsyncGenerator<TrainStep, TrainState> {
  checkCall("train", ARGUMENTS, arguments);
  const resolved = resolveTrain(options);
  const { optimizer, steps, signal } = resolved;
  if (resolved.state) {
    checkState("train", resolved.state, model.device);
    checkSameSettings(resolved.state, resolved);
  }
  const state = resolved.state ?? freshState(model, resolved);
  let [seconds, tokensDone, stepsDone, skippedInARow] = [0, 0, 0, 0];
  let stepMs = Number.POSITIVE_INFINITY;
  const pause = eventLoopPauses();
  let handedOver = resolved.state !== undefined;
  let working: Working<M> | undefined;
  try {
    if (state.step < steps) working = openWorking(model, state, resolved);
    while (state.step < steps) {
      throwIfAborted(signal, state.step, steps);
      const started = performance.now();
      const cold = stepsDone === 0 && model.device.info.backend === "webgpu";
      const { loss, gradNorm, tokens, skipped, lossScale } = await step(model, working as Working<M>, batches, state, {
        ...resolved,
        cold,
        slow: stepMs > SLOW_MS,
        pause,
      });
      skippedInARow = skipped ? skippedInARow + 1 : 0;
      if (skippedInARow === MOST_SKIPPED && !state.lossScale)
        throw notFinite(`${skippedInARow} steps in a row were skipped`, loss);
      const learningRate = optimizer.learningRate(state.step - 1);
      stepMs = performance.now() - started;
      seconds += stepMs / 1000;
      tokensDone += tokens;
      stepsDone += 1;
      const evaluation = await evaluateWhenDue(model, state, resolved);
      handedOver = true;
      yield {
        step: state.step,
        steps,
        loss,
        gradNorm,
        learningRate,
        skipped,
        lossScale,
        tokens,
        tokensPerSecond: tokensDone / seconds,
        eta: ((steps - state.step) * seconds) / stepsDone,
        peakBytes: model.device.stats().peak,
        ...(evaluation ? { evaluation } : {}),
        state,
      };
    }
  } finally {
    working?.dispose();
    if (!resolved.keepState || !handedOver) disposeTraining(state); // what nobody has seen, nobody can free
  }
  return state;
}

/** One step; the state is that of the step before until nothing can fail any more. */
async function step<B, M extends Trainable<OnDevice<B>>>(
  model: M,
  working: Working<M>,
  batches: Batches<B>,
  state: TrainState,
  options: ResolvedTrainOptions<never> & Pace,
) {
  const { ema } = options;
  const lossScale = state.lossScale?.scale ?? 1;
  const { sum, tokens } = await gradientsOf(working.model, batches, state.step, lossScale, options);
  const [total, scaledNorm] = await updateWith(sum, () =>
    queueUpdate(model, sum, state, { ...options, copy: working.copy }),
  );
  const skipped = !Number.isFinite(scaledNorm);
  state.step += 1;
  if (skipped) state.skipped += 1;
  else if (ema !== undefined) updateEma(state.ema, model.parameters, ema, state.step - state.skipped);
  if (state.lossScale) state.lossScale = nextLossScale(state.lossScale, !skipped, options.lossScale);
  return { loss: total, gradNorm: scaledNorm / lossScale, tokens, skipped, lossScale };
}

/** Makes the update, frees the gradients, and reads the only two numbers of a step: the loss, and the norm, which says whether the step counts. */
async function updateWith(sum: Gradients, update: () => Tensor): Promise<[loss: number, norm: number]> {
  try {
    using norm = update();
    for (const grad of sum.grads) grad.dispose();
    using loss = meanLoss(sum);
    return await Promise.all([loss.item(), norm.item()]);
  } finally {
    disposeGradients(sum);
  }
}

/** Forward and backward of all micro-batches of a step. */
async function gradientsOf<B>(
  model: Trainable<OnDevice<B>>,
  batches: Batches<B>,
  stepIndex: number,
  lossScale: number,
  { accumulate, seed, signal, steps, cold, slow, pause }: ResolvedTrainOptions<never> & Pace,
): Promise<{ sum: Gradients; tokens: number }> {
  let sum: Gradients | undefined;
  let tokens = 0;
  try {
    for (let i = 0; i < accumulate; i++) {
      await pause();
      throwIfAborted(signal, stepIndex, steps);
      const index = stepIndex * accumulate + i;
      const batch = await batches(index);
      checkBatch(`train: the batch of step ${stepIndex + 1}`, batch);
      tokens += countOf(batch);
      const dropoutSeed = deriveSeed(seed, index);
      const micro = { batch, dropoutSeed, seed: lossScale, microBatches: accumulate };
      if (cold && !sum) await model.device.warmup(() => addGradients(model, micro, undefined));
      sum = addGradients(model, micro, sum);
    }
    if (tokens === 0) throw nothingToLearn(stepIndex + 1, accumulate);
    if (signal && slow) await unlessAborted(model.device.sync(), signal, () => aborted(signal, stepIndex, steps));
  } catch (error) {
    if (sum) disposeGradients(sum);
    throw error;
  }
  return { sum: sum as Gradients, tokens };
}

function nothingToLearn(step: number, accumulate: number): ShapeError {
  return new ShapeError(`train: step ${step} has nothing to predict`, {
    details: [`${accumulate === 1 ? "its batch masks" : `its ${accumulate} micro-batches mask`} every token`],
    fix: "leave out batches of padding, of documents of one token, and of labels that are all -100",
  });
}

function throwIfAborted(signal: AbortSignalLike | undefined, step: number, steps: number): void {
  if (signal?.aborted) throw aborted(signal, step, steps);
}

function aborted(signal: AbortSignalLike, step: number, steps: number): AbortedError {
  return new AbortedError(`train: stopped after step ${step} of ${steps}`, {
    cause: signal.reason,
    fix: "resume from the last checkpoint",
  });
}
