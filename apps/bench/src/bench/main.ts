import { writeFile } from "node:fs/promises";
import { formatEnvironment } from "./environment.ts";
import { formatVerdicts } from "./goals/format.ts";
import { judge } from "./goals/judge.ts";
import { type BenchOptions, parseBench } from "./options.ts";
import { renderReport } from "./report/report.ts";
import type { Row } from "./row.ts";
import { runBench } from "./run.ts";
import { formatTable } from "./table.ts";

async function main(options: BenchOptions): Promise<void> {
  const { json, html, suites } = options;
  const result = await runBench(options, {
    started: (environment) => console.log(`${suites.join(", ")}\n  ${formatEnvironment(environment).join("\n  ")}`),
    row: (row) => console.log(progressLine(row)),
  });
  console.log(`\n${formatTable(result.rows)}`);
  const verdicts = judge(result.rows);
  const measured = verdicts.filter(({ pass }) => pass !== undefined);
  if (measured.length > 0) console.log(`\nGoals (one H100)\n${formatVerdicts(measured)}`);
  const goals = verdicts.map(({ goal, ...found }) => ({ id: goal.id, text: goal.text, ...found }));
  if (json) await writeFile(json, `${JSON.stringify({ ...result, suites, goals }, null, 2)}\n`);
  if (html) {
    await writeFile(html, await renderReport(result, verdicts));
    console.log(`\nreport: ${html}`);
  }
}

function progressLine({ what, who, ms, note }: Row): string {
  return `  ${what} | ${who}: ${[ms === undefined ? "" : `${ms.toFixed(3)} ms`, note ?? ""].filter(Boolean).join(", ")}`;
}

try {
  await main(parseBench(process.argv.slice(2)));
  process.exit(0); // The peers' worker threads would keep the process alive.
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
