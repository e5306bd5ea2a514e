import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { plantedGenome, toFasta } from "./planted.fixture.ts";

let folder: string;
const { argv } = process;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "genome-"));
});
afterEach(async () => {
  process.argv = argv;
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

test("the program, small, on a file of two sequences", async () => {
  const print = vi.spyOn(console, "log").mockReturnValue();
  const [fasta, out] = [join(folder, "two.fa"), join(folder, "out")];
  await writeFile(fasta, toFasta("one", plantedGenome(40, 1)) + toFasta("two", plantedGenome(30, 2)));
  const sizes = ["--steps", "2", "--seq", "256", "--dim", "16", "--layers", "1"];
  process.argv = ["node", "genome", "--fasta", fasta, ...sizes, "--backend", "wasm", "--out", out];
  await import("./main.ts");
  expect(print.mock.calls.flat().join("\n")).toMatch(
    /bases in 2 sequences, \d+ open reading frames.*area under the ROC curve.*Done in \d+ s/s,
  );
  const pictures = ["embedding", "map", "region", "roc"].flatMap((name) => [`${name}.png`, `${name}.svg`]);
  expect((await readdir(out)).sort()).toEqual(
    [...pictures, "embeddings.safetensors", "report.json", "windows.tsv"].sort(),
  );
  const report = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
  expect(report.genomes[0].sequences.map(({ id }: { id: string }) => id)).toEqual(["one", "two"]);
  const tsv = await readFile(join(out, "windows.tsv"), "utf8");
  expect(
    new Set(
      tsv
        .trimEnd()
        .split("\n")
        .map((line) => line.split("\t")[0]),
    ),
  ).toEqual(new Set(["sequence", "one", "two"]));
});
