import { AbortedError, openDevice } from "@dilated/core";
import { expect, test } from "vitest";
import { renderPlot } from "../shared/plot/plot.ts";
import { accuracyChart } from "./chart.ts";
import { type Options, parseOptions } from "./options.ts";
import { lengthAt } from "./recall.ts";
import { meanAccuracies, runNeedle } from "./run.ts";
import { resultTable } from "./table.ts";

const sizes = [
  "--length",
  "128",
  "--steps",
  "90",
  "--tokens",
  "1024",
  "--keys",
  "1",
  "--values",
  "4",
  "--samples",
  "64",
];
const small = [...sizes, "--backend", "wasm"];
const quiet = () => () => {};

test("dilated attention answers where local attention of the same cost guesses", async () => {
  using device = await openDevice({ backend: "wasm" });
  const result = await runNeedle(device, parseOptions(small) as Options, quiet, new AbortController().signal);
  const left = Object.keys(device.stats().byLabel).filter(
    (label) => !["attention plan", "normal table"].includes(label),
  );
  expect(left).toEqual([]); // nothing but what the device keeps for later calls
  const [dilated = [], local = [], dense = []] = result.patterns.map(meanAccuracies);
  expect(dilated.at(-1)).toBeGreaterThan(0.55);
  expect(dense.at(-1)).toBeGreaterThan(0.9);
  expect(local[0]).toBeGreaterThan(0.9);
  expect(local.at(-1)).toBeLessThan(0.45); // chance is 1/4
  const parameters = result.patterns.map(({ runs }) => runs[0]?.parameters);
  expect(new Set(parameters).size).toBe(1);

  const table = resultTable(result);
  for (const words of ["pairs a layer", "64–127", "chance: 25.0 %"]) expect(table).toContain(words);
  const { svg } = await renderPlot(accuracyChart(result));
  for (const words of ["chance: 1 of 4 values", "64–127", "dilated: ", "local: ", "dense: "])
    expect(svg).toContain(words);
});

test("stops at a signal", async () => {
  using device = await openDevice({ backend: "wasm", threads: 1 });
  const controller = new AbortController();
  const progress =
    () =>
    ({ step }: { step: number }) => {
      if (step === 2) controller.abort();
    };
  const run = runNeedle(device, parseOptions(small) as Options, progress, controller.signal);
  await expect(run).rejects.toBeInstanceOf(AbortedError);
});

test("lengths stay short, grow to the full one, and stay there", () => {
  const plan = { steps: 100, length: 512 };
  const lengths = Array.from({ length: 100 }, (_, step) => lengthAt(step, plan));
  expect([lengths[0], lengths[39], lengths[40], lengths[60], lengths[70], lengths[99]]).toEqual([
    64, 64, 128, 256, 512, 512,
  ]);
  expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
  expect(new Set(Array.from({ length: 10 }, (_, step) => lengthAt(step, { steps: 10, length: 64 })))).toEqual(
    new Set([64]),
  );
});
