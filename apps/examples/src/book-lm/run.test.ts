import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AbortedError, openDevice } from "@dilated/core";
import { readMetrics } from "@dilated/models/node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Book, loadBook } from "./book.ts";
import { branchesFor } from "./model-size.ts";
import { type Options, parseOptions } from "./options.ts";
import { lossPlot } from "./plot.ts";
import { type RunResult, run } from "./run.ts";

let folder: string;
let book: Book;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "book-lm-"));
  const whole = await loadBook();
  book = { ...whole, heldOut: whole.heldOut.subarray(0, 300) };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const small = ["--seq", "64", "--dim", "16", "--layers", "1", "--backend", "wasm"];

/** Runs small; with `stopAfter` it is interrupted behind that step. */
async function runWith(args: readonly string[], stopAfter?: number): Promise<RunResult> {
  using device = await openDevice({ backend: "wasm", threads: 1 });
  const controller = new AbortController();
  const options = parseOptions([...small, ...args]) as Options;
  return await run(device, book, options, ({ step }) => step === stopAfter && controller.abort(), controller.signal);
}

test("learns, and gives the same losses for the same seed", async () => {
  const [a, b] = [await runWith(["--steps", "12"]), await runWith(["--steps", "12"])];
  expect(a.losses).toEqual(b.losses);
  expect(a.losses).toHaveLength(12);
  expect(a.heldOut.after).toBeLessThan(a.heldOut.before);
  expect(a.heldOut.unigram).toBeGreaterThan(4);
  expect(a.tokensPerSecond).toBeGreaterThan(0);
  expect((await runWith(["--steps", "2", "--seed", "2"])).losses).not.toEqual(a.losses.slice(0, 2));
});

test("a run that was stopped goes on as if it had not been", async () => {
  const whole = await runWith(["--steps", "6"]);
  const stopped = runWith(["--steps", "6", "--checkpoint", folder], 4);
  await expect(stopped).rejects.toBeInstanceOf(AbortedError);
  const resumed = await runWith(["--steps", "6", "--checkpoint", folder, "--resume"]);
  expect(resumed.losses).toEqual(whole.losses);
  expect(resumed.heldOut).toEqual(whole.heldOut);
});

test("training options reach the run, and its log and report are written", async () => {
  const metrics = join(folder, "log", "run.jsonl");
  const args = ["--steps", "6", "--accumulate", "2", "--precision", "mixed", "--ema", "0.9", "--evaluate", "3"];
  const { heldOut, losses } = await runWith([...args, "--metrics", metrics, "--plot", "--checkpoint", folder]);
  const records = await readMetrics(metrics);
  expect(records.map(({ loss }) => loss)).toEqual(losses);
  expect(records.map(({ tokens }) => tokens)).toEqual(Array(6).fill(128));
  expect(records[0]?.lossScale).toBe(65536);
  expect(records[5]?.evaluation).toEqual({
    "held out": heldOut.after,
    "held out, averaged": heldOut.averaged,
  });
  expect(heldOut.averaged).not.toBe(heldOut.after);
  expect(await readFile(join(folder, "report.html"), "utf8")).toContain("loss, bits a byte");
});

test("a run of other options is not resumed, and each difference is named", async () => {
  await runWith(["--steps", "2", "--checkpoint", folder]);
  const other = (...args: string[]) => runWith(["--steps", "3", "--checkpoint", folder, "--resume", ...args]);
  await expect(other("--seed", "9")).rejects.toThrow(/run.seed: saved 1, now 9/);
  await expect(other("--layers", "2")).rejects.toThrow(/layers: saved 1, now 2/);
  await expect(other("--accumulate", "2", "--ema", "0.5")).rejects.toThrow(/accumulate: saved 1, now 2.*ema/s);
  expect((await other()).losses).toHaveLength(3);
});

test("the book is whole, and its last twentieth is apart", async () => {
  const { train, heldOut } = await loadBook();
  expect(train.length + heldOut.length).toBe(1_204_997);
  expect(heldOut.length / (train.length + heldOut.length)).toBeCloseTo(0.05, 4);
});

test("branches grow to the whole context", () => {
  expect(branchesFor(4096)).toEqual([
    { segment: 256, dilation: 1 },
    { segment: 1024, dilation: 4 },
    { segment: 4096, dilation: 16 },
  ]);
  expect(branchesFor(17).at(-1)).toEqual({ segment: 17, dilation: 16 });
});

test("plots the curve within its width", () => {
  const lines = lossPlot(
    Array.from({ length: 500 }, (_, i) => 6 / (1 + i / 50)),
    40,
  ).split("\n");
  expect(lines.length).toBeGreaterThan(10);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(56);
  expect(lossPlot([1])).toBe("");
});
