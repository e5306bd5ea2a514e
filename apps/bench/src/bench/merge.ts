import { readFileSync } from "node:fs";
import { ConfigError } from "@dilated/core";
import type { BenchResult } from "./result.ts";
import { type Row, taskKey } from "./row.ts";

/** Reads what `--json` wrote. */
export function readResult(path: string): BenchResult {
  const read: unknown = JSON.parse(readFileSync(path, "utf8"));
  const { environments, rows, failures = [], interrupted } = read as Partial<BenchResult>;
  if (!Array.isArray(environments) || !Array.isArray(rows))
    throw new ConfigError(`bench: ${path} is not a result of this program`, { fix: "pass files that --json wrote" });
  return { environments, rows, failures, ...(interrupted ? { interrupted } : {}) };
}

/** Runs of single suites as one result: rows of the same task by the same runner are taken from the last run that has them. */
export function mergeResults(results: readonly BenchResult[]): BenchResult {
  const environments = results.flatMap((result) => result.environments);
  for (const [name, of] of Object.entries(SAME)) {
    const found = [...new Set(environments.map(of))];
    if (found.length > 1)
      throw new ConfigError(`bench: the runs are not of one ${name}`, {
        details: [found.join(", ")],
        fix: "merge runs of one commit on one kind of machine",
      });
  }
  const rows = new Map<string, Row>();
  for (const row of results.flatMap((result) => result.rows)) {
    const key = `${row.suite} ${row.op ? taskKey(row) : row.what} ${row.who}`;
    const known = rows.get(key);
    if (known?.ms === undefined || row.ms !== undefined) rows.set(key, row);
  }
  // What is kept in a repository holds no profile of each kernel: that is most of it, and in the JSON of the single runs.
  const kept = [...rows.values()].map(({ kernels: _, ...row }) => row);
  const interrupted = results.some((result) => result.interrupted);
  const failures = results.flatMap((result) => result.failures);
  return { environments, rows: kept, failures, ...(interrupted ? { interrupted } : {}) };
}

const SAME: Readonly<Record<string, (environment: BenchResult["environments"][number]) => string>> = {
  commit: ({ versions }) => versions.dilated,
  GPU: ({ gpu, cpu }) => gpu?.name ?? cpu,
};
