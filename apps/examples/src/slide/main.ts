import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { savePlot } from "../shared/plot/plot.ts";
import { openExampleDevice, runProgram } from "../shared/program.ts";
import { formatSeconds, Progress } from "../shared/progress.ts";
import { scoresChart } from "./chart.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { savePicture } from "./picture/picture.ts";
import { type RunResult, run, type ScoredSlide } from "./run.ts";
import { loadSection } from "./source.ts";

await runProgram(async (args, signal) => {
  const options = parseOptions(args);
  if (options === "help") return console.log(USAGE);
  const started = performance.now();
  using device = await openExampleDevice(options.backend);
  console.log();
  const training = new Progress("training, tiles");
  let evaluation: Progress | undefined; // its clock starts where training ends
  const listener = {
    trained: (done: number, of: number, note: string) => {
      training.report(done, of, note);
      if (done === of) evaluation = new Progress("held-out slides");
    },
    evaluated: (done: number, of: number) => evaluation?.report(done, of),
  };
  const result = await run(device, await loadSection(), options, listener, signal);
  console.log(`\n${summary(result)}\n`);
  await mkdir(options.out, { recursive: true });
  const seconds = (performance.now() - started) / 1000;
  const json = JSON.stringify(report(result, options, { device: device.info, seconds }), null, 2);
  await writeFile(join(options.out, "report.json"), `${json}\n`);
  const files = [
    await savePicture(options.out, "slide", result.example),
    ...(result.large ? [await savePicture(options.out, "large-slide", result.large)] : []),
    ...(await savePlot(options.out, "scores", scoresChart(result.heldOut))),
  ];
  console.log(`  ${files.join("\n  ")}\n\nDone in ${formatSeconds((performance.now() - started) / 1000)}.`);
});

function summary({ heldOut, large }: RunResult): string {
  const { slides, tiles, accuracy, auc, hitRate, secondsPerSlide } = heldOut;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const lines = [
    `${slides} held-out slides of ${tiles.toLocaleString("en")} tiles, of tissue never trained on, ${secondsPerSlide.toFixed(2)} s each:`,
    `  ${percent(accuracy)} told right, AUC ${auc.toFixed(3)}; ${percent(hitRate)} of the abnormal tiles are among as many highest-scoring ones`,
  ];
  if (large) {
    const { slide, seconds, peakBytes, worst, hits } = large;
    lines.push(
      `${slide.places.length.toLocaleString("en")} tiles in one forward pass: ${seconds.toFixed(2)} s, ${(peakBytes / 2 ** 20).toPrecision(3)} MiB;`,
      `  called ${worst > 0 ? "abnormal" : "healthy"} (score ${worst.toFixed(1)}), which is ${worst > 0 ? "right" : "wrong"}; ${hits} of ${slide.planted.length} abnormal tiles found`,
    );
  }
  return lines.map((line) => `  ${line}`).join("\n");
}

function report({ losses, heldOut, example, large, detector }: RunResult, options: Options, run: unknown): unknown {
  const found = ({ slide, worst, hits, seconds }: ScoredSlide) => {
    return { tiles: slide.places.length, planted: slide.planted.length, hits, worst, seconds };
  };
  return {
    command: options,
    run,
    config: detector.config,
    losses,
    heldOut,
    example: found(example),
    ...(large ? { large: { ...found(large), peakBytes: large.peakBytes } } : {}),
  };
}
