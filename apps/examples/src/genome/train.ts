import { type Device, deriveSeed, type Tensor } from "@dilated/core";
import { crossEntropy } from "@dilated/kernels";
import {
  adamW,
  classify,
  createLongNetEncoder,
  Initializer,
  initHead,
  type LongNetEncoder,
  type TrainStep,
  train,
  warmupCosine,
} from "@dilated/models";
import { genomeBatches, type Labelled } from "./batches.ts";
import { CLASSES } from "./labels.ts";
import type { Plan } from "./model.ts";

/** A trained encoder. */
export interface Trained {
  readonly encoder: LongNetEncoder;
  /** Mean nats a base, one a step. */
  readonly losses: readonly number[];
  readonly basesPerSecond: number;
  readonly peakBytes: number;
}

/**
 * Trains an encoder, with a linear head that is thrown away afterwards, to say of each base which frame it lies in.
 *
 * @throws AbortedError, LimitError
 */
export async function trainEncoder(
  device: Device,
  runs: readonly Labelled[],
  plan: Plan,
  seed: number,
  report: (step: TrainStep, basesPerSecond: number) => void,
  signal?: AbortSignal,
): Promise<Trained> {
  const { seq, batch, steps } = plan;
  const draw = genomeBatches(runs, { seq, batch, seed });
  const encoder = createLongNetEncoder(device, plan.model, { seed });
  const head = initHead(new Initializer(device, deriveSeed(seed, 1)), {
    dim: plan.model.dim,
    out: CLASSES.length,
    norm: false,
  });
  const trainable = {
    device,
    parameters: { encoder: encoder.parameters, head },
    loss: ({ tokens, labels }: { tokens: Tensor; labels: Tensor }) =>
      crossEntropy(classify(encoder.forward(tokens), head), labels),
  };
  const batches = (step: number) => {
    const { tokens, labels, shape } = draw(step);
    const onDevice = (data: Int32Array) => ({ data, shape, dtype: "i32" as const });
    return { tokens: onDevice(tokens), labels: onDevice(labels) };
  };
  const warmup = Math.min(20, Math.floor(steps / 10));
  const optimizer = adamW({ lr: warmupCosine({ peak: plan.peakLearningRate, warmup, total: steps }) });
  const losses: number[] = [];
  let peakBytes = 0;
  const started = performance.now();
  const speed = (): number => (losses.length * batch * seq * 1000) / (performance.now() - started);
  try {
    for await (const step of train(trainable, batches, { optimizer, steps, ...(signal ? { signal } : {}) })) {
      ({ peakBytes } = step);
      losses.push(step.loss);
      report(step, speed());
    }
  } finally {
    head.projection.weight.dispose();
    head.projection.bias.dispose();
  }
  return { encoder, losses, basesPerSecond: speed(), peakBytes };
}
