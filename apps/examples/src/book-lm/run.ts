import type { Device } from "@dilated/core";
import {
  adamW,
  bitsPerByte,
  byteBatches,
  createLongNetLM,
  disposeTraining,
  type EvaluationCall,
  encodeTraining,
  type LongNetLM,
  restoreTraining,
  type TrainState,
  type TrainStep,
  train,
  unigramEntropy,
  warmupCosine,
  withParameters,
} from "@dilated/models";
import { readCheckpoint, writeCheckpoint } from "@dilated/models/node";
import type { Book } from "./book.ts";
import { planRun } from "./model-size.ts";
import { openMonitor } from "./monitor.ts";
import type { Options } from "./options.ts";

/** What a run comes to; `--json` writes most of it. */
export interface RunResult {
  /** With averaged weights, where they were asked for. */
  readonly model: LongNetLM;
  /** Nats a byte, one a step, from the first step on (also those before a resume). */
  readonly losses: number[];
  /** Bits a byte on the held-out part; `averaged` with the averaged weights. */
  readonly heldOut: {
    readonly before: number;
    readonly after: number;
    readonly averaged?: number;
    readonly unigram: number;
  };
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
  const { seq, seed, accumulate, precision, ema } = options;
  const plan = planRun(device.info, options);
  const model = createLongNetLM(device, plan.model, { seed });
  const total = Math.max(1, plan.steps);
  const warmup = Math.min(20, Math.floor(plan.steps / 10));
  const optimizer = adamW({ lr: warmupCosine({ peak: plan.peakLearningRate, warmup, total }) });
  const identity = { model, optimizer, run: { book: book.title, bytes: book.train.length, seq, seed } };
  const saved = options.resume && options.checkpoint ? await readCheckpoint(options.checkpoint) : undefined;
  if (options.resume && !saved) console.log(`No checkpoint in ${options.checkpoint} yet: starting from the beginning.`);
  const restored = saved && restoreTraining(saved, identity);
  const note = restored?.note as Note | undefined;
  const losses = [...(note?.losses ?? [])];
  const measure = (of: LongNetLM) => bitsPerByte(of, book.heldOut, seq);
  const evaluate = async ({ model: now, ema: averaged }: EvaluationCall<LongNetLM>) => ({
    "held out": await measure(now),
    ...(averaged ? { "held out, averaged": await measure(averaged) } : {}),
  });
  const before = note?.before ?? (await measure(model));
  const save = async (state: TrainState) => {
    if (!options.checkpoint) return;
    const snapshot = { ...identity, state, note: { losses, before } satisfies Note };
    await writeCheckpoint(options.checkpoint, await encodeTraining(snapshot));
  };

  device.resetPeak();
  let tokensPerSecond = 0;
  let state = restored?.state;
  const monitor = await openMonitor(options, book.title, state?.step ?? 0);
  try {
    for await (const step of train(model, byteBatches(book.train, { seq, seed }), {
      optimizer,
      steps: plan.steps,
      seed,
      signal,
      accumulate,
      precision,
      keepState: true, // for the last checkpoint, and the averages
      ...(ema === undefined ? {} : { ema }),
      ...(options.evaluate ? { evaluate: { every: options.evaluate, run: evaluate } } : {}),
      ...(state ? { state } : {}),
    })) {
      losses.push(step.loss);
      ({ tokensPerSecond, state } = step);
      await monitor.step(step);
      report(step);
      if (step.step % SAVE_EVERY === 0 && step.step < plan.steps) await save(state);
    }
  } finally {
    if (state) await save(state);
    await monitor.close();
  }
  const peakMemoryBytes = device.stats().peak;
  if (state) disposeTraining({ ...state, ema: undefined });
  const averaged = state?.ema === undefined ? undefined : withParameters(model, state.ema);
  return {
    model: averaged ?? model,
    losses,
    heldOut: {
      before,
      after: await measure(model),
      ...(averaged ? { averaged: await measure(averaged) } : {}),
      unigram: unigramEntropy(book.heldOut),
    },
    tokensPerSecond,
    peakMemoryBytes,
    steps: plan.steps,
  };
}
