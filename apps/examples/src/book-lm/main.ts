import { writeFile } from "node:fs/promises";
import { DilatedError, openDevice } from "@dilated/core";
import { generate } from "@dilated/models";
import { attentionCost } from "./attention-cost.ts";
import { loadBook } from "./book.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { lossPlot } from "./plot.ts";
import { formatSeconds, Progress } from "./progress.ts";
import { type RunResult, run } from "./run.ts";

const PROMPT = "CHAPTER 1\n\nCall me Ishmael. ";
const SAMPLE_BYTES = 320;

/** The main job: a whole novel, a LongNet, and what it learnt. */
async function main(options: Options, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  using device = await openDevice({ backend: options.backend, allowSoftware: options.backend === "webgpu" });
  const { info } = device;
  const book = await loadBook();
  console.log(
    `Dilated: ${info.backend} (${info.tier}) on ${info.adapter}${info.threads > 1 ? `, ${info.threads} threads` : ""}: ${info.reason}`,
  );
  console.log(
    `${book.title}: ${book.train.length.toLocaleString("en")} bytes to train on, ${book.heldOut.length.toLocaleString("en")} held out\n`,
  );

  const progress = new Progress(process.stdout);
  const result = await run(device, book, options, (step) => progress.step(step), signal);
  console.log(`\n${lossPlot(result.losses)}\n`);
  const { before, after, averaged, unigram } = result.heldOut;
  const average = averaged === undefined ? "" : `, ${averaged.toFixed(3)} with averaged weights`;
  console.log(
    `  held-out bits a byte: ${before.toFixed(3)} before, ${after.toFixed(3)} after${average} (single bytes: ${unigram.toFixed(3)})`,
  );
  await reportCost(device, result, options.seq);
  if (options.json) await writeFile(options.json, `${JSON.stringify(report(result, options, info), null, 2)}\n`);
  await writeSample(result, options.seed, signal);
  console.log(`\nDone in ${formatSeconds((performance.now() - started) / 1000)}.`);
}

async function reportCost(
  device: Parameters<typeof attentionCost>[0],
  { model }: RunResult,
  seq: number,
): Promise<void> {
  const { heads, dim, branches } = model.config;
  const cost = await attentionCost(device, [1, seq, heads, dim / heads], branches);
  const ratio = (a: number, b: number) => (a / b).toFixed(1);
  console.log(
    `  attention over ${seq} bytes, one layer: ${(cost.dilatedFlops / 1e9).toFixed(2)} GFLOP in ${cost.dilatedMs.toFixed(0)} ms; ` +
      `dense ${(cost.denseFlops / 1e9).toFixed(2)} GFLOP in ${cost.denseMs.toFixed(0)} ms ` +
      `(${ratio(cost.denseFlops, cost.dilatedFlops)}x the work, ${ratio(cost.denseMs, cost.dilatedMs)}x the time)`,
  );
}

async function writeSample({ model }: RunResult, seed: number, signal: AbortSignal): Promise<void> {
  console.log("\n  a sample:\n");
  process.stdout.write(PROMPT);
  const decoder = new TextDecoder();
  for await (const byte of generate(model, new TextEncoder().encode(PROMPT), {
    count: SAMPLE_BYTES,
    temperature: 0.7,
    topP: 0.95,
    seed,
    signal,
  })) {
    process.stdout.write(decoder.decode(Uint8Array.of(byte), { stream: true }));
  }
  console.log();
}

function report(result: RunResult, options: Options, device: unknown): unknown {
  const { losses, heldOut, tokensPerSecond, peakMemoryBytes, model, steps } = result;
  const { seq, seed, accumulate, precision, ema } = options;
  return {
    config: { ...model.config, seq, steps, seed, accumulate, precision, ema },
    device,
    losses,
    heldOut,
    tokensPerSecond,
    peakMemoryBytes,
  };
}

const controller = new AbortController();
process.once("SIGINT", () => controller.abort(new Error("interrupted from the keyboard")));
try {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") console.log(USAGE);
  else await main(options, controller.signal);
} catch (error) {
  console.error(
    `\n${DilatedError.is(error) ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  process.exitCode = DilatedError.is(error) && error.code === "ABORTED" ? 130 : 1;
}
