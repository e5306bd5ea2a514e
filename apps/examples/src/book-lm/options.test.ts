import { ConfigError } from "@dilated/core";
import { expect, test } from "vitest";
import { parseOptions } from "./options.ts";

test("defaults leave sizes to the device", () => {
  expect(parseOptions([])).toMatchObject({
    steps: undefined,
    seq: 4096,
    dim: undefined,
    backend: "auto",
    seed: 1,
    resume: false,
  });
  expect(parseOptions(["--help"])).toBe("help");
});

test("reads every flag", () => {
  const args = ["--steps", "10", "--seq=512", "--dim", "32", "--layers", "2", "--backend", "wasm", "--seed", "7"];
  const training = ["--accumulate", "4", "--precision", "mixed", "--ema", "0.9", "--evaluate", "5", "--plot", "8080"];
  const files = ["--json", "a.json", "--metrics", "m.jsonl", "--checkpoint", "run", "--resume"];
  expect(parseOptions([...args, ...training, ...files])).toEqual({
    steps: 10,
    seq: 512,
    dim: 32,
    layers: 2,
    backend: "wasm",
    seed: 7,
    accumulate: 4,
    precision: "mixed",
    ema: 0.9,
    evaluate: 5,
    plot: 8080,
    json: "a.json",
    metrics: "m.jsonl",
    checkpoint: "run",
    resume: true,
  });
});

test("a page needs no port", () => {
  for (const args of [["--plot"], ["--plot", "--seed", "3"], ["--plot=0"]])
    expect(parseOptions(args)).toMatchObject({ plot: 0 });
  expect(parseOptions(["--seed", "3"])).toMatchObject({ plot: undefined });
});

test("names every bad value at once", () => {
  const bad = ["--steps", "1.5", "--dim", "20", "--backend", "cuda", "--resume"];
  expect(() => parseOptions(bad)).toThrow(/--steps 1.5.*--dim 20.*--backend cuda.*--resume/s);
  const training = ["--accumulate", "0", "--precision", "f16", "--ema", "1", "--evaluate", "0", "--plot", "70000"];
  expect(() => parseOptions(training)).toThrow(/--accumulate 0.*--evaluate 0.*--precision f16.*--ema 1.*--plot 70000/s);
  expect(() => parseOptions(["--stesp", "3"])).toThrow(ConfigError);
  expect(() => parseOptions(["file"])).toThrow(ConfigError);
});
