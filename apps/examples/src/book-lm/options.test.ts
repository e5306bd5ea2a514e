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
  expect(parseOptions([...args, "--json", "a.json", "--checkpoint", "run", "--resume"])).toEqual({
    steps: 10,
    seq: 512,
    dim: 32,
    layers: 2,
    backend: "wasm",
    seed: 7,
    json: "a.json",
    checkpoint: "run",
    resume: true,
  });
});

test("names every bad value at once", () => {
  const bad = ["--steps", "1.5", "--dim", "20", "--backend", "cuda", "--resume"];
  expect(() => parseOptions(bad)).toThrow(/--steps 1.5.*--dim 20.*--backend cuda.*--resume/s);
  expect(() => parseOptions(["--stesp", "3"])).toThrow(ConfigError);
  expect(() => parseOptions(["file"])).toThrow(ConfigError);
});
