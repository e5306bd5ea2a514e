import { FormatError } from "@dilated/core";
import { expect, it, vi } from "vitest";
import { findPrefix } from "./prefix.ts";

const expected = new Set(["layers.0.fc1.weight", "layers.0.fc1.bias", "norm.weight"]);
const under = (...prefixes: string[]): string[] =>
  prefixes.flatMap((prefix) => [...expected].map((name) => prefix + name));

it.each([
  [under(""), ""],
  [under("module."), "module."],
  [[...under("module.slide_encoder."), "module.classifier.0.weight", "norm.weight"], "module.slide_encoder."],
  [["encoder.layers.0.fc1.weight", "head.weight"], "encoder."],
  [[...under("model."), "ema.norm.weight"], "model."],
  [["nothing", "of.it.", ".", ""], ""],
  [[], ""],
])("%j -> %j", (names, prefix) => {
  expect(findPrefix(names, expected)).toBe(prefix);
});

it("asks, where two models are there", () => {
  expect(() => findPrefix(under("student.", "teacher."), expected)).toThrow(FormatError);
  expect(() => findPrefix(under("student.", "teacher."), expected)).toThrow(/"student\.": 3 of 3 names/);
});

it("does not count the prefixes of a name without end", () => {
  const has = vi.spyOn(expected, "has");
  expect(findPrefix([".".repeat(3_000_000), ...under("module.")], expected)).toBe("module.");
  expect(has.mock.calls.length).toBeLessThan(20);
});
