import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@dilated/core";
import { expect, test } from "vitest";
import { checkInputs } from "./check-inputs.ts";
import type { Environment } from "./environment.ts";
import { mergeResults, readResult } from "./merge.ts";
import { parseBench } from "./options.ts";
import { recorder } from "./recorder.ts";

const folder = mkdtempSync(join(tmpdir(), "bench-"));
const environment = {
  versions: { dilated: "abc", webgpu: "1" },
  cpu: "x",
  devices: [],
  date: "d",
} as unknown as Environment;
const row = {
  suite: "matmul",
  op: "matmul",
  size: 64,
  dtype: "f32",
  pass: "forward",
  causal: false,
  what: "m",
} as const;

test("every row is in the file as soon as it is known, and what failed is beside what did not", () => {
  const json = join(folder, "a.json");
  const lines: string[] = [];
  const { progress, result } = recorder({ suites: ["matmul"], json }, (line) => lines.push(line));
  progress.started(environment);
  progress.row({ ...row, who: "dilated", ms: 1 });
  expect(readResult(json)).toEqual(result());
  progress.failed({ suite: "matmul", reason: "a reason" });
  progress.row({ ...row, who: "peer", ms: 2, firstMs: 106_000 });
  progress.waiting("a slow one", 20.4);
  expect(readResult(json)).toMatchObject({
    rows: [{ ms: 1 }, { ms: 2 }],
    failures: [{ suite: "matmul", reason: "a reason" }],
  });
  expect(lines.slice(1)).toEqual([
    "  m | dilated: 1.000 ms",
    "  matmul ended early: a reason",
    "  m | peer: 2.000 ms, first run 106 s",
    "    … a slow one: 20 s",
  ]);
  expect(readdirSync(folder)).toEqual(["a.json"]); // no part of a file is left
  expect(JSON.parse(readFileSync(json, "utf8"))).toHaveProperty("goals");
});

test("runs of one commit on one machine become one; a later figure replaces an earlier one, a failure does not", () => {
  const first = {
    environments: [environment],
    rows: [
      { ...row, who: "dilated", ms: 1 },
      { ...row, who: "peer", note: "x" },
    ],
    failures: [],
  };
  const second = {
    environments: [environment],
    rows: [
      { ...row, who: "dilated", note: "failed" },
      { ...row, who: "peer", ms: 3 },
    ],
    failures: [],
  };
  expect(mergeResults([first, second]).rows.map(({ ms }) => ms)).toEqual([1, 3]);
  const other = { ...second, environments: [{ ...environment, versions: { dilated: "def", webgpu: "1" } }] };
  expect(() => mergeResults([first, other])).toThrow(/one commit.*abc, def/s);
});

test("files are looked at before anything is measured", () => {
  const nowhere = join(folder, "no", "x.json");
  const options = parseBench(["train", "--text", join(folder, "missing.txt"), "--json", nowhere, "--html", folder]);
  expect(() => checkInputs(options)).toThrow(/nothing was measured.*--text .*missing.*--json .*--html .*a folder/s);
  expect(() => checkInputs(parseBench(["train", "--text", join(folder, "a.json")]))).toThrow(/one sequence is 32769/);
  expect(() => checkInputs(parseBench(["merge", nowhere, "--json", join(folder, "b.json")]))).toThrow(ConfigError);
  expect(() => checkInputs(parseBench(["matmul", "--json", join(folder, "b.json")]))).not.toThrow();
  expect(existsSync(join(folder, "b.json"))).toBe(false);
});
