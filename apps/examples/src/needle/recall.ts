import { AbortedError, type Device, type Tensor, treeTensors } from "@dilated/core";
import { crossEntropy } from "@dilated/kernels";
import {
  adamW,
  createLongNetLM,
  type LongNetLM,
  sliceTokens,
  type TrainStep,
  train,
  warmupCosine,
} from "@dilated/models";
import type { Pattern } from "./patterns.ts";
import { evaluationBatch, type Octave, octavesOf, type Task, trainingBatch, vocabulary } from "./task.ts";

/** One model, one pattern, one seed. */
export interface RecallPlan {
  readonly task: Task;
  /** N of the evaluation, and of training at its end. */
  readonly length: number;
  readonly dim: number;
  readonly heads: number;
  readonly layers: number;
  readonly steps: number;
  /** B·N of a training step. */
  readonly tokens: number;
  /** Questions stand at ends of stretches of so many tokens, as the last token does. */
  readonly slot: number;
  readonly peakLearningRate: number;
  /** Questions asked for each octave of distances. */
  readonly samples: number;
  readonly seed: number;
}

/** How often the right value was the likeliest. */
export interface Accuracy extends Octave {
  readonly right: number;
  readonly asked: number;
}

export interface RecallResult {
  readonly losses: readonly number[];
  readonly accuracies: readonly Accuracy[];
  readonly parameters: number;
  readonly trainSeconds: number;
}

/** Where lengths start. */
const SHORTEST = 64;
/** Shares of the steps after which lengths grow, and have grown. */
const [GROWS, GROWN] = [0.4, 0.8];

/** N of a training step: stays at {@link SHORTEST} until that is learnt, then doubles, in equal shares of the steps, up to the full length. */
export function lengthAt(step: number, { steps, length }: Pick<RecallPlan, "steps" | "length">): number {
  const from = Math.min(SHORTEST, length);
  const doublings = Math.log2(length / from);
  const grown = Math.floor(((step / steps - GROWS) / (GROWN - GROWS)) * doublings) + 1;
  return from * 2 ** Math.max(0, Math.min(doublings, grown));
}

/**
 * Trains a LongNetLM with this pattern on recall at growing distances, and measures it at each octave of distances.
 *
 * @throws AbortedError when `signal` fires.
 */
export async function runRecall(
  device: Device,
  { branches }: Pattern,
  plan: RecallPlan,
  report: (step: TrainStep) => void,
  signal: AbortSignal,
): Promise<RecallResult> {
  const { task, dim, heads, layers, steps, slot, seed } = plan;
  const sizes = { vocab: vocabulary(task).size, dim, heads, layers, hidden: 2 * dim };
  // No positions: what counts is which tokens a pattern lets meet, not how well a position code stretches.
  using model = createLongNetLM(device, { ...sizes, branches, position: "none" }, { seed });
  const trainable = {
    device,
    parameters: model.parameters,
    loss: ({ tokens, targets }: { tokens: Tensor; targets: Tensor }) => crossEntropy(model.forward(tokens), targets),
  };
  const batches = (step: number) => {
    const N = lengthAt(step, plan);
    const { tokens, targets, shape } = trainingBatch(
      task,
      [Math.max(1, Math.round(plan.tokens / N)), N],
      slot,
      seed,
      step,
    );
    const onDevice = (data: Int32Array) => ({ data, shape, dtype: "i32" as const });
    return { tokens: onDevice(tokens), targets: onDevice(targets) };
  };
  const warmup = Math.min(20, Math.floor(steps / 10));
  const optimizer = adamW({ lr: warmupCosine({ peak: plan.peakLearningRate, warmup, total: steps }) });
  const started = performance.now();
  const losses: number[] = [];
  for await (const step of train(trainable, batches, { optimizer, steps, signal })) {
    losses.push(step.loss);
    report(step);
  }
  const trainSeconds = (performance.now() - started) / 1000;
  const accuracies: Accuracy[] = [];
  for (const octave of octavesOf(plan.length)) accuracies.push(await measure(model, octave, plan, signal));
  return {
    losses,
    accuracies,
    parameters: treeTensors(model.parameters).reduce((sum, { size }) => sum + size, 0),
    trainSeconds,
  };
}

/** Asks `samples` questions at distances of one octave. */
async function measure(model: LongNetLM, octave: Octave, plan: RecallPlan, signal: AbortSignal): Promise<Accuracy> {
  const { task, length, samples, tokens, seed } = plan;
  const { device } = model;
  const most = Math.max(1, Math.floor((2 * tokens) / length));
  let right = 0;
  for (let asked = 0, step = 0; asked < samples; step++) {
    if (signal.aborted) throw new AbortedError("needle: stopped while measuring", { cause: signal.reason });
    const B = Math.min(most, samples - asked);
    const batch = evaluationBatch(task, [B, length], octave, seed, step);
    const logits = device.scope(() => {
      const hidden = model.hidden(device.tensor(batch.tokens, batch.shape, { dtype: "i32", label: "tokens" }));
      return model.project(sliceTokens(hidden, length - 1, length));
    });
    const scores = await logits.data();
    logits.dispose();
    for (let b = 0; b < B; b++) if (likeliest(scores, task, b) === batch.targets[(b + 1) * length - 1]) right++;
    asked += B;
  }
  return { ...octave, right, asked: samples };
}

/** The token of the highest score in row b. */
function likeliest(scores: ArrayLike<number>, task: Task, b: number): number {
  const { size } = vocabulary(task);
  let best = 0;
  for (let token = 1; token < size; token++) {
    if ((scores[b * size + token] as number) > (scores[b * size + best] as number)) best = token;
  }
  return best;
}
