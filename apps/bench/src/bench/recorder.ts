import { formatEnvironment } from "./environment.ts";
import { judge } from "./goals/judge.ts";
import { writeJson } from "./json-file.ts";
import type { BenchOptions } from "./options.ts";
import type { BenchResult } from "./result.ts";
import type { Row } from "./row.ts";
import type { BenchProgress } from "./run.ts";

/** Keeps what a run finds out, tells it line by line, and writes the JSON file anew with every row: a run that is killed loses nothing it had. */
export function recorder(
  { suites, json }: Pick<BenchOptions, "suites" | "json">,
  print: (line: string) => void,
): { progress: BenchProgress; result: () => BenchResult } {
  let result: BenchResult = { environments: [], rows: [], failures: [] };
  const keep = (more: Partial<BenchResult>): void => {
    result = { ...result, ...more };
    if (json) writeJson(json, resultFile(result));
  };
  const progress: BenchProgress = {
    started(environment) {
      keep({ environments: [environment] });
      print(`${suites.join(", ")}\n  ${formatEnvironment(environment).join("\n  ")}`);
    },
    row(row) {
      keep({ rows: [...result.rows, row] });
      print(progressLine(row));
    },
    waiting(what, seconds) {
      print(`    … ${what}: ${seconds.toFixed(0)} s`);
    },
    failed(failure) {
      keep({ failures: [...result.failures, failure] });
      print(`  ${failure.suite} ended early: ${failure.reason}`);
    },
  };
  return { progress, result: () => result };
}

/** What the JSON file holds: the result, and how it compares with the goals. */
export function resultFile(result: BenchResult): object {
  const goals = judge(result.rows).map(({ goal, ...found }) => ({ id: goal.id, text: goal.text, ...found }));
  return { ...result, goals };
}

function progressLine({ what, who, ms, firstMs, note }: Row): string {
  const slow = firstMs !== undefined && firstMs > 5_000 ? `first run ${(firstMs / 1000).toFixed(0)} s` : "";
  const parts = [ms === undefined ? "" : `${ms.toFixed(3)} ms`, slow, note ?? ""];
  return `  ${what} | ${who}: ${parts.filter(Boolean).join(", ")}`;
}
