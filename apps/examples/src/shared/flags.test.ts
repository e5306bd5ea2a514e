import { ConfigError } from "@dilated/core";
import { expect, test } from "vitest";
import { oneOf, onOff, readFlags, text, usage, whole } from "./flags.ts";

const flags = {
  steps: whole("training steps", { least: 1, default: undefined }),
  dim: whole("width", { least: 16, unit: 16, default: 64 }),
  backend: oneOf("where", ["auto", "wasm"], "auto"),
  out: text("DIR", "where to", "out/x"),
  dense: onOff("also dense"),
};

test("fills in defaults", () => {
  const expected = { steps: undefined, dim: 64, backend: "auto", out: "out/x", dense: false };
  expect(readFlags("x", flags, [])).toEqual(expected);
  expect(readFlags("x", flags, ["--steps", "abc", "--help"])).toBe("help");
});

test("reads both spellings", () => {
  const args = ["--steps=3", "--dim", "32", "--backend", "wasm", "--out", "a b", "--dense"];
  expect(readFlags("x", flags, args)).toEqual({ steps: 3, dim: 32, backend: "wasm", out: "a b", dense: true });
});

test("names every bad value at once", () => {
  const bad = ["--steps", "0", "--dim", "20", "--backend", "cuda", "--out="];
  expect(() => readFlags("x", flags, bad)).toThrow(/--steps 0: .*--dim 20: .*multiple of 16.*--backend cuda.*--out/s);
  for (const args of [["--stesp", "3"], ["file"], ["--steps"]])
    expect(() => readFlags("x", flags, args)).toThrow(ConfigError);
});

test("the help names every flag", () => {
  const help = usage("x", "Does x.", flags);
  for (const name of [...Object.keys(flags), "help"]) expect(help).toContain(`--${name}`);
});
