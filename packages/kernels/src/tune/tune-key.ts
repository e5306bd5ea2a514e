import { type Device, DeviceError, DilatedError, eventLoopPauses, type Tensor } from "@dilated/core";
import { nameOf, withVariant } from "./choice.ts";
import type { Deadline } from "./deadline.ts";
import type { CandidateReport, KeyReport } from "./report.ts";
import { differenceOf, type Results, readResults } from "./same.ts";
import { stopwatch } from "./stopwatch.ts";

/** A challenger has to be this much faster: less is the noise of two timings. */
const LEAST_GAIN = 1.03;
/** Samples while there are many candidates, and between the default and the best. */
const [FIRST_ROUNDS, LAST_ROUNDS] = [3, 5];

/** What is tuned, and with which work. */
export interface KeyTask<V = unknown> {
  readonly key: string;
  /** The default first. */
  readonly variants: readonly V[];
  readonly workload: string;
  /** Queues the work and returns what must not depend on the variant. */
  readonly run: () => Readonly<Record<string, Tensor>>;
  readonly deadline: Deadline;
  /** Told before each candidate. */
  readonly trying: (candidate: string) => void;
}

/** What was found; `best` is undefined where the default stays. */
export interface KeyResult<V = unknown> {
  readonly report: KeyReport;
  readonly best: V | undefined;
}

/**
 * Compiles all variants side by side, checks each against the default's results, and times those that agree. Undefined where there was not even time
 * for the default.
 */
export async function tuneKey<V>(device: Device, task: KeyTask<V>): Promise<KeyResult<V> | undefined> {
  const { key, variants, workload, deadline } = task;
  const watch = stopwatch(device, () => deadline.ended);
  const pause = eventLoopPauses();
  const all: { readonly variant: V; readonly compiled: Promise<string | undefined> }[] = [];
  for (const variant of variants) {
    await pause(); // each is expanded and checked on this thread, before the driver has it
    const compiled = compiling(device, task, variant);
    compiled.catch(() => {}); // where time is up, nobody waits for it any more
    all.push({ variant, compiled });
  }
  const [usual, ...challengers] = all;
  if (!usual || !(await deadline.within(usual.compiled))) return undefined;
  const broken = await usual.compiled;
  if (broken) throw new DeviceError(`tune: the default variant of ${key} ${broken}`);
  // What is found later replaces what was found before.
  const tried = new Map<V, CandidateReport>();
  const note = (variant: V, found: Omit<CandidateReport, "variant">): void =>
    void tried.set(variant, { variant: nameOf(variant), ...found });
  const result = (chosen: V, gain: number): KeyResult<V> => {
    const candidates = variants.map((variant) => tried.get(variant) ?? { variant: nameOf(variant) });
    const complete = tried.size === variants.length;
    const report = { key, workload, candidates, chosen: nameOf(chosen), gain, complete };
    return { report, best: chosen === usual.variant ? undefined : chosen };
  };
  task.trying(nameOf(usual.variant));
  const expected = await resultsOf(device, task, usual.variant);
  const timeOf = async (variant: V): Promise<number> =>
    (await watch.medians([workOf(device, task, variant)], FIRST_ROUNDS))[0] as number;
  note(usual.variant, { ms: await timeOf(usual.variant) });
  const timed: { readonly variant: V; readonly ms: number }[] = [];
  for (const { variant, compiled } of challengers) {
    await pause();
    deadline.check();
    if (deadline.ended || !(await deadline.within(compiled))) break;
    task.trying(nameOf(variant));
    const time = async () => {
      const ms = await timeOf(variant);
      note(variant, { ms });
      timed.push({ variant, ms });
      return undefined;
    };
    const problem =
      (await compiled) ?? (await wrong(device, task, variant, expected)) ?? (await problemOf(device, time));
    if (problem !== undefined) note(variant, { problem });
  }
  timed.sort((a, b) => a.ms - b.ms);
  for (const { variant } of timed.slice(0, 2)) {
    deadline.check();
    const works = [usual.variant, variant].map((each) => workOf(device, task, each));
    let gain = 0;
    const compare = async () => {
      const [before, after] = (await watch.medians(works, LAST_ROUNDS)) as [number, number];
      note(usual.variant, { ms: before });
      note(variant, { ms: after });
      gain = before / after;
      // Its results once more: a race between invocations need not show the first time.
      return gain < LEAST_GAIN ? undefined : wrong(device, task, variant, expected);
    };
    const problem = await problemOf(device, compare);
    if (problem !== undefined) note(variant, { problem });
    else if (gain >= LEAST_GAIN) return result(variant, gain);
  }
  return result(usual.variant, 1);
}

/** Resolves with what is wrong, if anything. */
async function compiling<V>(device: Device, { key, run }: KeyTask<V>, variant: V): Promise<string | undefined> {
  return problemOf(device, async () => {
    await withVariant(device, key, variant, () => device.warmup(run));
    return undefined;
  });
}

async function wrong<V>(device: Device, task: KeyTask<V>, variant: V, expected: Results): Promise<string | undefined> {
  return problemOf(device, async () => {
    const difference = await differenceOf(expected, await resultsOf(device, task, variant));
    return difference && `wrong: ${difference}`;
  });
}

async function resultsOf<V>(device: Device, { key, run }: KeyTask<V>, variant: V): Promise<Results> {
  // Fresh memory is zero. What a variant leaves out would else be there already, from the one before.
  device.trim();
  const tensors = device.scope(() => withVariant(device, key, variant, run));
  try {
    return await readResults(tensors);
  } finally {
    for (const tensor of Object.values(tensors)) tensor.dispose();
  }
}

function workOf<V>(device: Device, { key, run }: KeyTask<V>, variant: V): () => void {
  return () => void withVariant(device, key, variant, run);
}

/** What is wrong with a candidate, in words; what is wrong with more than that is thrown. */
async function problemOf(device: Device, attempt: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await attempt();
  } catch (error) {
    if (isFatal(device, error)) throw error;
    return `failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Not the candidate's fault, and the end of everything. A disposed tensor is no more than a mistake in the work; a disposed device is. */
export function isFatal(device: Device, error: unknown): boolean {
  return device.disposed || (DilatedError.is(error) && ["DEVICE_LOST", "ABORTED"].includes(error.code));
}
