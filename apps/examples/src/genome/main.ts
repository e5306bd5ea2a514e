import { openExampleDevice, runProgram } from "../shared/program.ts";
import { formatSeconds, Progress } from "../shared/progress.ts";
import { type Genome, loadInput } from "./input.ts";
import { parseOptions, USAGE } from "./options.ts";
import { type Reporter, runGenome } from "./run.ts";
import { scoreTable } from "./table.ts";
import { writeResults } from "./write.ts";

await runProgram(async (args, signal) => {
  const options = parseOptions(args);
  if (options === "help") return console.log(USAGE);
  const started = performance.now();
  const input = await loadInput(options, signal);
  using device = await openExampleDevice(options.backend);
  console.log(describe(input.genome, "trained on but for every fifth stretch"));
  if (input.stranger) console.log(describe(input.stranger, "never trained on"));
  console.log();
  const result = await runGenome(device, input, options, reporter(), signal);
  const { seconds, calls, peakBytes } = result.embedding;
  const bases = result.genomes.reduce(
    (sum, { sequences }) => sum + sequences.reduce((n, s) => n + s.bases.length, 0),
    0,
  );
  console.log(
    `  embedded ${bases.toLocaleString("en")} bases in ${formatSeconds(seconds)}, ${calls} calls, ${(peakBytes / 2 ** 30).toFixed(2)} GiB at most\n`,
  );
  console.log(`${scoreTable(result)}\n`);
  for (const path of await writeResults(result, options, device.info)) console.log(`  ${path}`);
  console.log(`\nDone in ${formatSeconds((performance.now() - started) / 1000)}.`);
});

function describe({ name, sequences }: Genome, role: string): string {
  const sum = (of: (s: Genome["sequences"][number]) => number): string =>
    sequences.reduce((total, sequence) => total + of(sequence), 0).toLocaleString("en");
  const many = sequences.length > 1 ? ` in ${sequences.length} sequences` : "";
  return `${name}: ${sum(({ bases }) => bases.length)} bases${many}, ${sum(({ orfs }) => orfs.length)} open reading frames, ${role}`;
}

function reporter(): Reporter {
  const training = new Progress("train  step");
  const embedding = new Map<string, Progress>();
  return {
    step: (step, steps, loss, speed) =>
      training.report(step, steps, `loss ${loss.toFixed(3)}  ${Math.round(speed).toLocaleString("en")} bases/s`),
    embedded: (name, done, total) => {
      const line = embedding.get(name) ?? new Progress(`embed  ${name}, bases`);
      embedding.set(name, line);
      line.report(done, total);
    },
    probing: () => console.log("  fitting linear probes"),
  };
}
