import { FormatError } from "@dilated/core";
import { expect, test } from "vitest";
import { differences } from "./differences.ts";
import { readTrainingHeader, TRAINING_FORMAT } from "./training-header.ts";

test("differences name each field by its path", () => {
  const saved = { dim: 8, branches: [{ segment: 16, dilation: 1 }], encoder: { heads: 2 }, gone: 1 };
  const now = { dim: 8, branches: [{ segment: 32, dilation: 1 }], encoder: { heads: 4 }, added: [1] };
  expect(differences(saved, now, "")).toEqual([
    "branches[0].segment: saved 16, now 32",
    "encoder.heads: saved 2, now 4",
    "gone: saved 1, now nothing",
    "added: saved nothing, now [1]",
  ]);
  expect(differences(saved, structuredClone(saved), "")).toEqual([]);
  expect(differences([1], [1, 2], "list")).toEqual(["list: saved [1], now [1,2]"]);
  expect(differences(null, { a: 1 }, "")).toEqual(['config: saved null, now {"a":1}']);
});

const good = {
  format: TRAINING_FORMAT,
  config: null,
  optimizer: { name: "sgd" },
  run: null,
  progress: { step: 3, skipped: 0, lossScale: { scale: 2, streak: 1 } },
  settings: { ema: null, seed: 1 },
  note: [1],
};
const encode = (header: object): Record<string, string> =>
  Object.fromEntries(Object.entries(header).map(([name, value]) => [name, JSON.stringify(value)]));

test("a header comes back as it was written", () => {
  expect(readTrainingHeader("restoreTraining", encode(good))).toEqual({ ...good, tied: {} });
});

test.each([
  ["nothing", {}],
  ["the metadata of other files", { format: '"pt"' }],
  ["text that is not JSON", { ...encode(good), note: "{" }],
  ["a field too many", encode({ ...good, extra: 1 })],
  ["a negative step", encode({ ...good, progress: { ...good.progress, step: -1 } })],
  ["a scale of zero", encode({ ...good, progress: { ...good.progress, lossScale: { scale: 0, streak: 0 } } })],
  ["settings that are nested", encode({ ...good, settings: { ema: { decay: 1 } } })],
  ["an optimiser without a shape", encode({ ...good, optimizer: null })],
])("refuses %s", (_name, metadata) => {
  expect(() => readTrainingHeader("restoreTraining", metadata as Record<string, string>)).toThrow(FormatError);
});

test("a checkpoint of another version says so", () => {
  const other = { ...encode(good), format: '"dilated-training-9"' };
  expect(() => readTrainingHeader("restoreTraining", other)).toThrow(/another version[\s\S]*dilated-training-9/);
});
