import { checkCall, type FieldsOf, field } from "@dilated/core";

/** What became of one variant. */
export interface CandidateReport {
  readonly variant: string;
  /** Median time of the workload with it, ms; undefined where it was not timed. */
  readonly ms?: number;
  /** Why it may not be chosen: it does not compile, or its results differ from the default's. */
  readonly problem?: string;
}

/** What was found for one key. */
export interface KeyReport {
  /** Kernel and shape class. */
  readonly key: string;
  /** The work it was timed with. */
  readonly workload: string;
  /** The default first. */
  readonly candidates: readonly CandidateReport[];
  /** The variant in use from now on. */
  readonly chosen: string;
  /** How many times faster the workload is than with the default, both timed in turn; 1 where the default stays. */
  readonly gain: number;
  /** Every candidate was tried; false where the time was up. */
  readonly complete: boolean;
}

/** What {@link tune} found. */
export interface TuneReport {
  readonly adapter: string;
  readonly tier: string;
  /** Keys tuned by this call. */
  readonly keys: readonly KeyReport[];
  /** Keys that were known before, from the store or an earlier call. */
  readonly known: readonly string[];
  /** Keys and workloads that the budget was too short for. */
  readonly unfinished: readonly string[];
  /** What went wrong besides candidates: workloads that do not fit the device, a store that cannot be read or written. */
  readonly problems: readonly string[];
  readonly elapsedMs: number;
  /** Why there was nothing to tune, where that is so. */
  readonly nothing?: string;
}

const TEXTS = field.list(field.string());
const CANDIDATE: FieldsOf<CandidateReport> = {
  variant: field.string(),
  ms: field.optional(field.number()),
  problem: field.optional(field.string()),
};
const KEY: FieldsOf<KeyReport> = {
  key: field.string(),
  workload: field.string(),
  candidates: field.list(field.object(CANDIDATE)),
  chosen: field.string(),
  gain: field.number(),
  complete: field.boolean(),
};
const REPORT: FieldsOf<TuneReport> = {
  adapter: field.string(),
  tier: field.string(),
  keys: field.list(field.object(KEY)),
  known: TEXTS,
  unfinished: TEXTS,
  problems: TEXTS,
  elapsedMs: field.number(),
  nothing: field.optional(field.string()),
};
const ARGUMENTS = { report: field.object(REPORT) };

/**
 * A report as text: a line a key, its candidates below it, fastest first.
 *
 * @param report - what `tune` gives
 * @throws ConfigError for anything else.
 */
export function formatTuning(report: TuneReport): string {
  checkCall("formatTuning", ARGUMENTS, arguments);
  const { adapter, tier, keys, known, unfinished, problems, elapsedMs, nothing } = report;
  const lines = [`${adapter}, ${tier} tier: ${(elapsedMs / 1000).toFixed(1)} s`];
  if (nothing) lines.push(`nothing to tune: ${nothing}`);
  for (const { key, workload, candidates, chosen, gain, complete } of keys) {
    const verdict = gain > 1 ? `${chosen}, ${gain.toFixed(2)}x the default's speed` : `the default, ${chosen}`;
    lines.push(`${key}: ${verdict}${complete ? "" : " (not all tried)"}`, `  timed with ${workload}`);
    const timed = [...candidates].sort((a, b) => (a.ms ?? Infinity) - (b.ms ?? Infinity));
    for (const { variant, ms, problem } of timed) {
      const what = problem ?? (ms === undefined ? "not tried" : `${ms.toPrecision(4)} ms`);
      lines.push(`  ${variant === chosen ? "*" : " "} ${variant}: ${what.split("\n")[0]}`);
    }
  }
  if (known.length > 0) lines.push(`known before: ${known.join(", ")}`);
  if (unfinished.length > 0) lines.push(`no time left for: ${unfinished.join(", ")}`);
  return [...lines, ...problems.map((problem) => `problem: ${problem}`)].join("\n");
}
