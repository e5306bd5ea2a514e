import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AbortedError, openDevice, readSafetensors } from "@dilated/core";
import { createLongNetEncoder } from "@dilated/models";
import { afterEach, beforeEach, expect, test } from "vitest";
import { embedSequence } from "./embed.ts";
import { loadInput } from "./input.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { plantedGenome, toFasta } from "./planted.fixture.ts";
import { type Reporter, runGenome } from "./run.ts";
import { scoreTable } from "./table.ts";
import { writeResults } from "./write.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "genome-"));
});
afterEach(() => rm(folder, { recursive: true }));

const quiet: Reporter = { step: () => {}, embedded: () => {}, probing: () => {} };

async function prepare(genes: number, ...args: string[]): Promise<Options> {
  const fasta = join(folder, "planted.fa");
  await writeFile(fasta, toFasta("planted", plantedGenome(genes)));
  const sizes = ["--dim", "32", "--layers", "1", "--seq", "1024", "--backend", "wasm", "--out", join(folder, "out")];
  return parseOptions(["--fasta", fasta, ...sizes, ...args]) as Options;
}

test("finds planted genes and their strands, and writes what it found", async () => {
  const options = await prepare(120, "--steps", "200");
  using device = await openDevice({ backend: "wasm" });
  const input = await loadInput(options);
  const result = await runGenome(device, input, options, quiet, new AbortController().signal);
  const { losses } = result.training;
  expect(losses.at(-1)).toBeLessThan(0.8 * (losses[0] as number));
  const auc = Object.fromEntries(
    result.answers[0]?.scores.map((s) => [`${s.question}: ${s.features}`, s.roc.auc]) ?? [],
  );
  expect(auc["coding: LongNet embedding"]).toBeGreaterThan(0.9);
  expect(auc["strand: LongNet embedding"]).toBeGreaterThan(0.9);
  expect(scoreTable(result)).toMatch(/planted.fa, coding +[01]\.\d{3}/);

  const paths = await writeResults(result, options, device.info);
  for (const path of paths) expect((await stat(path)).size, path).toBeGreaterThan(500);
  const names = paths.map((path) => path.slice(options.out.length + 1));
  expect(names).toContain("region.png");
  const windows = Math.floor(input.genome.sequences.reduce((sum, { bases }) => sum + bases.length, 0) / 128);
  const lines = (await readFile(join(options.out, "windows.tsv"), "utf8")).trimEnd().split("\n");
  expect(lines).toHaveLength(windows + 1);
  const { tensors } = readSafetensors(await readFile(join(options.out, "embeddings.safetensors")));
  expect(new Map(tensors).get("planted.fa")?.shape).toEqual([windows, 32]);
  const svg = await readFile(join(options.out, "roc.svg"), "utf8");
  for (const words of ["Which strand is the gene on?", "LongNet embedding: 0.9", "GC content: 0."])
    expect(svg).toContain(words);
});

test("a sequence embedded in blocks is the sequence embedded at once", async () => {
  using device = await openDevice({ backend: "wasm", threads: 1 });
  const branches = [
    { segment: 128, dilation: 1 },
    { segment: 512, dilation: 4 },
  ];
  using model = createLongNetEncoder(
    device,
    { vocab: 4097, dim: 16, layers: 2, heads: 2, branches, position: "rope" },
    { seed: 1 },
  );
  const bases = plantedGenome(8).subarray(0, 3000);
  const whole = await embedSequence(model, bases, { memory: 2 ** 30 });
  const done: number[] = [];
  const parts = await embedSequence(model, bases, { memory: 1.2 * 2 ** 20, onProgress: (bases) => done.push(bases) });
  expect([whole.calls, whole.windows]).toEqual([1, 23]);
  expect(parts.calls).toBeGreaterThan(1);
  expect(done.at(-1)).toBe(23 * 128);
  for (const [i, value] of whole.vectors.entries()) expect(parts.vectors[i]).toBeCloseTo(value, 4);
  await expect(embedSequence(model, bases, { memory: 1e5 })).rejects.toThrow(
    /not even one longest segment.*--memory to 1/s,
  );
});

test("stops at a signal, in training and in embedding", async () => {
  const options = await prepare(40, "--steps", "5");
  using device = await openDevice({ backend: "wasm", threads: 1 });
  const input = await loadInput(options);
  const controller = new AbortController();
  const stop = { ...quiet, step: () => controller.abort() };
  await expect(runGenome(device, input, options, stop, controller.signal)).rejects.toBeInstanceOf(AbortedError);
  const later = new AbortController();
  const atLast = { ...quiet, step: (step: number) => step === 5 && later.abort() };
  await expect(runGenome(device, input, options, atLast, later.signal)).rejects.toThrow(/stopped after 0 of/);
});

test("says what is wrong with an input", async () => {
  const file = join(folder, "x.fa");
  const load = async (text: string) => {
    await writeFile(file, text);
    return loadInput(parseOptions(["--fasta", file]) as Options);
  };
  await expect(load(">x\nACGT\n")).rejects.toThrow(/too short.*4 bases/s);
  await expect(load(`>x\n${"AC".repeat(2000)}\n`)).rejects.toThrow(/no open reading frame/);
  const long = await prepare(40, "--steps", "1", "--seq", "100000");
  using device = await openDevice({ backend: "wasm", threads: 1 });
  const run = runGenome(device, await loadInput(long), long, quiet, new AbortController().signal);
  await expect(run).rejects.toThrow(/--seq \d+ or less/);
  expect(() => parseOptions(["--dim", "20", "--memory", "0"])).toThrow(/--dim 20.*--memory 0/s);
  expect(USAGE).toContain("--fasta FILE");
});
