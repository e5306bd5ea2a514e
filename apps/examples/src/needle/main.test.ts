import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

let folder: string;
const { argv } = process;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "needle-"));
});
afterEach(async () => {
  process.argv = argv;
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

test("the program, small: table, plot and report", async () => {
  const print = vi.spyOn(console, "log").mockReturnValue();
  const sizes = ["--length", "64", "--tokens", "64", "--steps", "2", "--samples", "4", "--seeds", "2"];
  process.argv = ["node", "needle", ...sizes, "--backend", "wasm", "--out", folder];
  await import("./main.ts");
  const printed = print.mock.calls.flat().join("\n");
  expect(printed).toMatch(/pairs a layer.*right answers, by distance.*32–63.*Done in \d+ s/s);
  expect((await readdir(folder)).sort()).toEqual(["accuracy.png", "accuracy.svg", "report.json"]);
  const report = JSON.parse(await readFile(join(folder, "report.json"), "utf8"));
  expect(report.patterns.map((p: { pattern: { name: string } }) => p.pattern.name)).toEqual([
    "dilated",
    "local",
    "dense",
  ]);
  expect(report.patterns[0].runs).toHaveLength(2);
  expect(report.plan).toMatchObject({ length: 64, steps: 2 });
});
