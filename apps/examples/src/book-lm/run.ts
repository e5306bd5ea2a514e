import type { Device } from "@dilated/core";
import {
  adamW,
  bitsPerByte,
  byteBatches,
  createLongNetLM,
  encodeTraining,
  restoreTraining,
  type TrainState,
  type TrainStep,
  train,
  unigramEntropy,
  warmupCosine,
} from "@dilated/models";
import { readCheckpoint, writeCheckpoint } from "@dilated/models/node";
import type { Book } from "./book.ts";
import { planRun } from "./model-size.ts";
import type { Options } from "./options.ts";

/** What a run comes to; `--json` writes most of it. */
export interface RunResult {
  readonly model: ReturnType<typeof createLongNetLM>;
  /** Nats a byte, one a step, from the first step on (also those before a resume). */
  readonly losses: number[];
  /** Bits a byte on the held-out part. */
  readonly heldOut: { readonly before: number; readonly after: number; readonly unigram: number };
  readonly tokensPerSecond: number;
  readonly peakMemoryBytes: number;
  readonly steps: number;
}

/** What is carried from the first part of a run to a resumed one. */
interface Note {
  readonly losses: number[];
  readonly before: number;
}

const SAVE_EVERY = 25;

/** Trains, evaluates before and after, and saves as asked. An aborted run saves, then throws. */
export async function run(
  device: Device,
  book: Book,
  options: Options,
  report: (step: TrainStep) => void,
  signal: AbortSignal,
): Promise<RunResult> {
  const plan = planRun(device.info, options);
  const model = createLongNetLM(device, plan.model, { seed: options.seed });
  const schedule = warmupCosine({
    peak: plan.peakLearningRate,
    warmup: Math.min(20, Math.floor(plan.steps / 10)),
    total: Math.max(1, plan.steps),
  });
  const optimizer = adamW({ lr: schedule });
  const saved = options.resume && options.checkpoint ? await readCheckpoint(options.checkpoint) : undefined;
  if (options.resume && !saved) console.log(`No checkpoint in ${options.checkpoint} yet: starting from the beginning.`);
  const restored = saved && restoreTraining(saved, { model, optimizer });
  const note = restored?.note as Note | undefined;
  const losses = [...(note?.losses ?? [])];
  const before = note?.before ?? (await bitsPerByte(model, book.heldOut, options.seq));
  const save = async (state: TrainState) => {
    if (!options.checkpoint) return;
    await writeCheckpoint(
      options.checkpoint,
      await encodeTraining({ model, optimizer, state, note: { losses, before } satisfies Note }),
    );
  };

  device.resetPeak();
  let tokensPerSecond = 0;
  let state = restored?.state;
  const batches = byteBatches(book.train, { seq: options.seq, seed: options.seed });
  try {
    for await (const step of train(model, batches, {
      optimizer,
      steps: plan.steps,
      seed: options.seed,
      signal,
      ...(state ? { state } : {}),
    })) {
      losses.push(step.loss);
      ({ tokensPerSecond, state } = step);
      report(step);
      if (step.step % SAVE_EVERY === 0 && step.step < plan.steps) await save(state);
    }
  } finally {
    if (state) await save(state);
  }
  const peakMemoryBytes = device.stats().peak;
  const after = await bitsPerByte(model, book.heldOut, options.seq);
  return {
    model,
    losses,
    heldOut: { before, after, unigram: unigramEntropy(book.heldOut) },
    tokensPerSecond,
    peakMemoryBytes,
    steps: plan.steps,
  };
}
