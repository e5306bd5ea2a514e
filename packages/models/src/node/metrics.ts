import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { checkCall, eventLoopPauses, type Field, FormatError, field } from "@dilated/core";
import type { TrainStep } from "../train/report.ts";
import { PATH, readWhole, withFileErrors, writeFileAtomic } from "./atomic.ts";

/** One step as it is logged: what `train` reports, as JSON. Numbers that are not finite are null. */
export interface MetricsRecord {
  /** Counts from 1. */
  readonly step: number;
  readonly steps: number;
  /** When the step ended, ISO 8601. */
  readonly time: string;
  readonly loss: number | null;
  readonly gradNorm: number | null;
  readonly learningRate: number;
  readonly tokens: number;
  readonly tokensPerSecond: number;
  readonly peakBytes: number;
  /** Mixed precision only. */
  readonly lossScale?: number;
  /** Only where it is true. */
  readonly skipped?: true;
  readonly evaluation?: Readonly<Record<string, number | null>>;
}

/** A log of steps that is being written. */
export interface MetricsLog {
  /** What the file holds: the steps of earlier parts of the run, too. */
  readonly records: readonly MetricsRecord[];
  /** Writes one line, whole, before it resolves: a crash loses nothing that was awaited. */
  append(step: TrainStep): Promise<MetricsRecord>;
  close(): Promise<void>;
}

const AMOUNT = field.custom<number>("a number", (value) => typeof value === "number");
const REPORT = field.having({
  step: field.nonNegativeInteger(),
  steps: field.nonNegativeInteger(),
  loss: AMOUNT,
  gradNorm: AMOUNT,
  learningRate: AMOUNT,
  tokens: AMOUNT,
  tokensPerSecond: AMOUNT,
  peakBytes: AMOUNT,
  lossScale: AMOUNT,
  skipped: field.boolean(),
  evaluation: field.optional(field.record(AMOUNT)),
});
const WHEN = field.custom("a Date", (value) => value instanceof Date && Number.isFinite(value.getTime()));
const NUMBER = field.optional(
  field.custom<number | null>("a number or null", (value) => value === null || AMOUNT.test(value)),
);

/** A record, as an argument. What a run did not log may be missing. */
export const RECORD: Field<MetricsRecord> = field.having({
  step: AMOUNT,
  steps: AMOUNT,
  loss: NUMBER,
  gradNorm: NUMBER,
  learningRate: AMOUNT,
  tokensPerSecond: AMOUNT,
  peakBytes: AMOUNT,
  evaluation: field.optional(field.record(NUMBER)),
}) as unknown as Field<MetricsRecord>;
const METRICS = { report: REPORT, time: field.optional(WHEN) };

/** The record of a step. */
export function metricsOf(report: TrainStep, time: Date = new Date()): MetricsRecord {
  checkCall("metricsOf", METRICS, arguments);
  const { step, steps, loss, gradNorm, learningRate, tokens, tokensPerSecond, peakBytes, evaluation } = report;
  const { lossScale, skipped } = report;
  return {
    step,
    steps,
    time: time.toISOString(),
    loss: finite(loss),
    gradNorm: finite(gradNorm),
    learningRate,
    tokens,
    tokensPerSecond,
    peakBytes,
    ...(lossScale === 1 ? {} : { lossScale }),
    ...(skipped ? { skipped } : {}),
    ...(evaluation
      ? { evaluation: Object.fromEntries(Object.entries(evaluation).map(([name, value]) => [name, finite(value)])) }
      : {}),
  };
}

const OPTIONS = { after: field.optional(field.nonNegativeInteger()) };
const OPEN = { path: PATH, options: field.options<typeof OPTIONS>(OPTIONS) };

/**
 * Opens a log of steps, one JSON object a line, to go on behind step `after`. Lines of later steps are dropped, as those steps are going to be done again, and so is
 * a line that a crash cut short; no step is ever there twice.
 *
 * @param after - steps done: 0 starts the log anew
 * @throws FormatError when the file holds something else than such lines.
 */
export async function openMetrics(file: string, options: { readonly after?: number } = {}): Promise<MetricsLog> {
  checkCall("openMetrics", OPEN, arguments);
  const path = resolve(file);
  const { after = 0 } = options;
  await withFileErrors("openMetrics", path, () => mkdir(dirname(path), { recursive: true }));
  const kept = (await readMetrics(path)).filter(({ step }) => step <= after);
  const log: FileHandle = await withFileErrors("openMetrics", path, async () => {
    await writeFileAtomic(path, new TextEncoder().encode(kept.map(lineOf).join("")));
    return open(path, "a");
  });
  const records = [...kept];
  let torn = false;
  return {
    records,
    append: async (...given) => {
      checkCall("openMetrics: append", { step: REPORT }, given);
      const record = metricsOf(given[0]);
      // Behind a line that was cut short, on a full disk say, the next begins anew: the two must not join.
      const line = `${torn ? "\n" : ""}${lineOf(record)}`;
      torn = true;
      await withFileErrors("openMetrics: append", path, () => log.appendFile(line));
      torn = false;
      records.push(record);
      return record;
    },
    close: () => withFileErrors("openMetrics: close", path, () => log.close()),
  };
}

/**
 * Reads a log of steps; an empty list where there is no file. Lines that a crash or a full disk cut short are left out.
 *
 * @throws FormatError that names the first line that is not a record.
 */
export async function readMetrics(path: string): Promise<MetricsRecord[]> {
  checkCall("readMetrics", { path: PATH }, arguments);
  const lines = (await readText(path)).split("\n");
  lines.pop(); // empty behind the last line break, or cut short
  const records: MetricsRecord[] = [];
  const pause = eventLoopPauses();
  for (const [i, line] of lines.entries()) {
    if (i % LINES === 0) await pause();
    // Of two lines that a short write joined, the second is whole.
    const record = parse(line) ?? parse(line.slice(Math.max(0, line.lastIndexOf(START))));
    if (record) records.push(record);
    else if (line !== "" && !line.startsWith(START)) {
      throw new FormatError(`readMetrics: line ${i + 1} of ${path} is not a record of a step`, {
        details: [line.slice(0, 100)],
        fix: "give the log another name, or remove the file",
      });
    } // else it was cut short
  }
  return records;
}

/** Read between two looks at the clock. */
const LINES = 1024;

async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await withFileErrors("readMetrics", path, () => readWhole("readMetrics", path)));
}

function parse(line: string): MetricsRecord | undefined {
  try {
    const value = JSON.parse(line) as MetricsRecord | null;
    return Number.isSafeInteger(value?.step) ? (value ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

/** How a record begins. */
const START = '{"step":';

function lineOf(record: MetricsRecord): string {
  return `${JSON.stringify(record)}\n`;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
