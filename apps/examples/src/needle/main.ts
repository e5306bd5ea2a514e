import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { savePlot } from "../shared/plot/plot.ts";
import { openExampleDevice, runProgram } from "../shared/program.ts";
import { formatSeconds, Progress } from "../shared/progress.ts";
import { accuracyChart } from "./chart.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { type NeedleResult, runNeedle } from "./run.ts";
import { resultTable } from "./table.ts";

await runProgram(async (args, signal) => {
  const options = parseOptions(args);
  if (options === "help") return console.log(USAGE);
  const started = performance.now();
  using device = await openExampleDevice(options.backend);
  console.log();
  const progress = (label: string) => {
    const line = new Progress(`${label.padEnd(7)} step`);
    return ({ step, steps, loss }: { step: number; steps: number; loss: number }) =>
      line.report(step, steps, `loss ${loss.toFixed(3)}`);
  };
  const result = await runNeedle(device, options, progress, signal);
  console.log(`\n${resultTable(result)}\n`);
  await mkdir(options.out, { recursive: true });
  await writeFile(
    join(options.out, "report.json"),
    `${JSON.stringify(report(result, options, device.info), null, 2)}\n`,
  );
  const plots = await savePlot(options.out, "accuracy", accuracyChart(result));
  console.log(`  ${plots.join("\n  ")}\n\nDone in ${formatSeconds((performance.now() - started) / 1000)}.`);
});

function report({ plan, patterns }: NeedleResult, options: Options, device: unknown): unknown {
  return { command: options, plan, device, patterns };
}
