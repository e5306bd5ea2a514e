import { writeFileSync } from "node:fs";
import { constants } from "node:os";
import { checkInputs } from "./check-inputs.ts";
import { formatEnvironment } from "./environment.ts";
import { formatVerdicts } from "./goals/format.ts";
import { judge } from "./goals/judge.ts";
import { writeJson } from "./json-file.ts";
import { mergeResults, readResult } from "./merge.ts";
import { type BenchOptions, parseBench } from "./options.ts";
import { recorder, resultFile } from "./recorder.ts";
import { renderReport } from "./report/report.ts";
import type { BenchResult } from "./result.ts";
import { runBench } from "./run.ts";
import { formatTable } from "./table.ts";

async function main(options: BenchOptions): Promise<number> {
  checkInputs(options);
  if (options.merge) return finish(options, mergeResults(options.merge.map(readResult)));
  const { progress, result } = recorder(options, (line) => console.log(line));
  const stop = (signal: "SIGINT" | "SIGTERM"): void => {
    console.error(`\n${signal}: what was measured is kept`);
    void finish(options, { ...result(), interrupted: true }).finally(() =>
      process.exit(128 + constants.signals[signal]),
    );
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  await runBench(options, progress);
  return finish(options, result());
}

/** Prints and writes what there is. Resolves to the exit code. */
async function finish({ html, json }: BenchOptions, result: BenchResult): Promise<number> {
  for (const environment of result.environments) console.log(formatEnvironment(environment).join("\n  "));
  console.log(`\n${formatTable(result.rows)}`);
  const verdicts = judge(result.rows);
  const measured = verdicts.filter(({ pass }) => pass !== undefined);
  if (measured.length > 0) console.log(`\nGoals (one H100)\n${formatVerdicts(measured)}`);
  if (json) writeJson(json, resultFile(result));
  if (html) writeFileSync(html, await renderReport(result, verdicts));
  const files = [json && `numbers: ${json}`, html && `report: ${html}`].filter(Boolean);
  if (files.length > 0) console.log(`\n${files.join("\n")}`);
  for (const { suite, reason } of result.failures) console.error(`\n${suite} ended early: ${reason}`);
  return result.failures.length > 0 ? 1 : 0;
}

try {
  process.exit(await main(parseBench(process.argv.slice(2)))); // The peers' worker threads would keep the process alive.
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
