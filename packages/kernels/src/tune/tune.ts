import { ConfigError, checkCall, type Device, field, type Tensor, treeTensors } from "@dilated/core";
import { choose, nameOf, observe, suggest } from "./choice.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import { foundOn, loadTuning, saveTuning } from "./found.ts";
import { type ResolvedTune, resolveTune, type TuneOptions } from "./options.ts";
import type { KeyReport, TuneReport } from "./report.ts";
import { messageOf } from "./store/record.ts";
import { isFatal, type KeyResult, tuneKey } from "./tune-key.ts";
import type { PreparedWorkload, TuneWorkload } from "./workload.ts";

/** What options hold, `resolveTune` checks. */
const ARGUMENTS = { device: field.device(), options: field.optional(field.any("an object")) };

/**
 * Finds the fastest variants of the kernels on this device, and makes it use them: tile shapes and the like, for each kernel and class of shapes that the workloads
 * need. Every candidate is compiled, checked against the default variant's results, and only then timed; one that fails or differs is reported and never
 * chosen, and the default stays unless another is at least 3 % faster. Nothing has to be tuned: defaults are safe and good.
 *
 * Waits for the device and measures it, so let nothing else run meanwhile. On WebAssembly and software adapters there is nothing to choose.
 *
 * @throws ConfigError, ShapeError, LimitError for bad options; AbortedError by `signal`; DeviceLostError
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { formatTuning, tune } from "@dilated/kernels/tune";
 * const device = await openDevice();
 * const report = await tune(device, { attention: { shape: [1, 4096, 8, 64], causal: true }, budgetMs: 5_000 });
 * console.log(formatTuning(report));
 * device.dispose();
 * ```
 */
export async function tune(device: Device, options: TuneOptions = {}): Promise<TuneReport> {
  checkCall("tune", ARGUMENTS, arguments);
  const resolved = resolveTune(device, options);
  const { adapter, tier, backend, software } = device.info;
  const session: Session = { ...resolved, device, keys: [], known: [], unfinished: [], problems: [] };
  const deadline = startDeadline(resolved.budgetMs, resolved.signal);
  const report = (nothing?: string): TuneReport => {
    const { keys, known, unfinished, problems } = session;
    const found = { adapter, tier, keys, known, unfinished, problems, elapsedMs: deadline.elapsedMs };
    return nothing === undefined ? found : { ...found, nothing };
  };
  deadline.check();
  if (backend === "wasm") return report("WebAssembly kernels have one variant each");
  if (resolved.store) {
    const { problem } = await loadTuning(device, resolved.store);
    if (problem !== undefined) session.problems.push(problem);
  }
  try {
    for (const workload of resolved.workloads) await tuneWorkload(session, workload, deadline);
  } finally {
    if (resolved.store && session.keys.length > 0) await save(session);
  }
  const { keys, known, unfinished, problems } = session;
  if (keys.length + known.length + unfinished.length + problems.length > 0) return report();
  return report(`the kernels of these workloads have one variant each ${software ? "on a software adapter" : "here"}`);
}

/** What a call of `tune` gathers. */
interface Session extends ResolvedTune {
  readonly device: Device;
  readonly keys: KeyReport[];
  readonly known: string[];
  readonly unfinished: string[];
  readonly problems: string[];
}

async function tuneWorkload(session: Session, workload: TuneWorkload, deadline: Deadline): Promise<void> {
  const { device, unfinished, problems } = session;
  deadline.check();
  if (deadline.ended) {
    unfinished.push(workload.name);
    return;
  }
  let prepared: PreparedWorkload | undefined;
  try {
    const missing = [...variantsOf(device, workload)].filter(([key, variants]) => isMissing(session, key, variants));
    if (missing.length === 0) return;
    // Operands outlive scopes: what is made here is disposed of below.
    prepared = device.scope(() => workload.prepare(device) as never) as PreparedWorkload;
    for (const [key, variants] of missing) {
      const result = await tuneOne(session, workload.name, prepared, { key, variants, deadline });
      if (result) adopt(session, result);
      else unfinished.push(key);
    }
  } catch (error) {
    if (isFatal(device, error)) throw error;
    problems.push(`${workload.name}: ${messageOf(error)}`);
  } finally {
    for (const tensor of treeTensors(prepared?.operands)) tensor.dispose();
  }
}

/** What the work asks for, found without running it. */
function variantsOf(device: Device, workload: TuneWorkload): ReadonlyMap<string, readonly unknown[]> {
  let asked: ReadonlyMap<string, readonly unknown[]> = new Map();
  const ask = () => {
    const prepared = workload.prepare(device);
    asked = observe(device, () => void device.scope(() => prepared.run())); // which refuses what is asynchronous
  };
  device.dryRun(ask);
  return asked;
}

/** Is there something to choose, and is it not known yet? */
function isMissing(
  { device, force, known, keys, problems }: Session,
  key: string,
  variants: readonly unknown[],
): boolean {
  if (variants.length < 2 || known.includes(key) || keys.some((report) => report.key === key)) return false;
  const entry = foundOn(device).get(key);
  const usable = entry && (entry.variant === null || variants.some((variant) => nameOf(variant) === entry.variant));
  if (entry && !usable) problems.push(`${key}: the saved variant, ${entry.variant}, is not on offer any more`);
  if (force || !usable) return true;
  known.push(key);
  return false;
}

function tuneOne(
  session: Session,
  workload: string,
  prepared: PreparedWorkload,
  task: { readonly key: string; readonly variants: readonly unknown[]; readonly deadline: Deadline },
): Promise<KeyResult | undefined> {
  const { device, budgetMs, onProgress } = session;
  const { key, deadline } = task;
  const trying = (candidate: string) =>
    onProgress?.({ workload, key, candidate, elapsedMs: deadline.elapsedMs, budgetMs });
  return tuneKey(device, { ...task, workload, run: () => newResults(prepared), trying });
}

/** Results are freed after each run, and one that was there before would hold what the last variant wrote. */
function newResults(prepared: PreparedWorkload): Readonly<Record<string, Tensor>> {
  const results = prepared.run();
  const given = new Set(treeTensors(prepared.operands));
  const old = Object.keys(results).filter((name) => given.has(results[name] as Tensor));
  if (old.length === 0) return results;
  throw new ConfigError(`tune: run returns operands: ${old.join(", ")}`, { fix: "return tensors that run makes" });
}

/** Uses what was found. Where not all was tried, it is used but not remembered, so that the next call goes on. */
function adopt({ device, keys, unfinished }: Session, { report, best }: KeyResult): void {
  const { key, gain, complete } = report;
  choose(device, key, best);
  suggest(device, key, undefined);
  keys.push(report);
  if (complete) foundOn(device).set(key, { variant: best === undefined ? null : nameOf(best), gain });
  else unfinished.push(key);
}

async function save({ device, store, problems }: Session): Promise<void> {
  if (!store) return;
  try {
    await saveTuning(device, store);
  } catch (error) {
    problems.push(`${store.where}: cannot be written (${messageOf(error)})`);
  }
}
