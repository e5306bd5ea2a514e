import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AbortedError, openDevice } from "@dilated/core";
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
