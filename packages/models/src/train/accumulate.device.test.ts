import { type Device, treeTensors } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TokenBatch } from "./batch.ts";
import { sgd } from "./optimizer.ts";
import { lossesOf, read, reportsOf, tinyLM, windows } from "./test-utils/tiny.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

/** Micro-batches 4·step ... 4·step + 3 in one. */
const large = (step: number): TokenBatch => {
  const parts = [0, 1, 2, 3].map((i) => Array.from(windows(4 * step + i).tokens));
  return { tokens: parts.flat(), shape: [8, 49] };
};

test("four micro-batches make the step of one batch four times as large", async () => {
  using small = tinyLM(device);
  using whole = tinyLM(device);
  const optimizer = sgd({ lr: 0.1, momentum: 0.9 });
  const parts = await reportsOf(small, { optimizer, steps: 5, accumulate: 4 });
  const one = await reportsOf(whole, { optimizer, steps: 5 }, large);
  expect(parts.map(({ tokens }) => tokens)).toEqual(one.map(({ tokens }) => tokens));
  for (const [i, { loss, gradNorm }] of parts.entries()) {
    expect(loss).toBeCloseTo(one[i]?.loss as number, 4);
    expect(gradNorm).toBeCloseTo(one[i]?.gradNorm as number, 3);
  }
  const [a, b] = [await read(treeTensors(small.parameters)), await read(treeTensors(whole.parameters))];
  for (const [i, values] of a.entries()) expect(values).toBeAllClose(b[i] as number[], { atol: 1e-4 });
});

test("micro-batches take the memory of one", async () => {
  const peakOf = async (accumulate: number, batches = windows): Promise<number> => {
    using model = tinyLM(device);
    device.resetPeak();
    const before = device.stats().live;
    return ((await reportsOf(model, { steps: 2, accumulate }, batches)).at(-1)?.peakBytes as number) - before;
  };
  expect(await peakOf(4)).toBeLessThan(0.7 * (await peakOf(1, large)));
});

test("dropout draws other masks for each micro-batch, the same in each run", async () => {
  const same = () => windows(0);
  const run = async (accumulate: number) => {
    using model = tinyLM(device, 0.3);
    return lossesOf(await reportsOf(model, { steps: 2, accumulate, seed: 5 }, same));
  };
  const [once, twice, again] = [await run(1), await run(2), await run(2)];
  expect(twice).toEqual(again);
  expect(twice[0]).not.toBe(once[0]);
});

test("a batch that fails leaves nothing behind", async () => {
  using model = tinyLM(device);
  const optimizer = sgd({ lr: 0.1, momentum: 0.9 });
  const live = device.stats().live;
  const broken = (step: number): TokenBatch => {
    if (step === 1) throw new Error("no more text");
    return windows(step);
  };
  await expect(reportsOf(model, { optimizer, steps: 1, accumulate: 2 }, broken)).rejects.toThrow("no more text");
  expect(device.stats().live).toBe(live);
});
