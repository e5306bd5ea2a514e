import { ConfigError, type Device, treeTensors } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeTraining, restoreTraining } from "../checkpoint/checkpoint.ts";
import { bitsPerByte } from "../text/bits-per-byte.ts";
import { emaDecay } from "./ema.ts";
import { adamW } from "./optimizer.ts";
import { initTraining } from "./state.ts";
import { lossesOf, read, reportsOf, text, tinyLM, windows } from "./test-utils/tiny.ts";
import { train } from "./train.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

test("the average is the recurrence of its definition", async () => {
  using model = tinyLM(device);
  let wanted = await read(treeTensors(model.parameters));
  let t = 0;
  for await (const { state } of train(model, windows, { optimizer: adamW({ lr: 0.01 }), steps: 4, ema: 0.3 })) {
    const d = Math.min(0.3, (2 + t) / (11 + t));
    expect(emaDecay(0.3, ++t)).toBe(d);
    const now = await read(treeTensors(model.parameters));
    wanted = wanted.map((values, i) => values.map((value, j) => d * value + (1 - d) * (now[i]?.[j] as number)));
    const average = await read(treeTensors(state.ema));
    for (const [i, values] of average.entries()) expect(values).toBeAllClose(wanted[i] as number[], { atol: 1e-6 });
  }
  expect(t).toBe(4);
});

test("evaluations see the weights and the average, when they are due and at the end", async () => {
  using model = tinyLM(device);
  const held = text.slice(0, 98);
  const run = async ({ model: now, ema }: { model: typeof model; ema: typeof model | undefined }) => ({
    now: await bitsPerByte(now, held, 48),
    average: ema ? await bitsPerByte(ema, held, 48) : Number.NaN,
  });
  const reports = await reportsOf(model, { steps: 5, ema: 0.9, evaluate: { every: 2, run } });
  expect(reports.map(({ evaluation }) => evaluation !== undefined)).toEqual([false, true, false, true, true]);
  const last = reports.at(-1)?.evaluation as { now: number; average: number };
  expect(last.now).toBe(await bitsPerByte(model, held, 48));
  expect(last.average).not.toBe(last.now);
  expect(Math.abs(last.average - last.now)).toBeLessThan(1);
});

test("is saved, and goes on to the bit", async () => {
  const optimizer = adamW({ lr: 0.01 });
  const options = { optimizer, ema: 0.9, accumulate: 2 } as const;
  using whole = tinyLM(device);
  using half = tinyLM(device);
  using resumed = tinyLM(device);
  const all = await reportsOf(whole, { ...options, steps: 6 });
  const first = await reportsOf(half, { ...options, steps: 3 });
  const bytes = await encodeTraining({ model: half, optimizer, state: first[2]?.state as never });
  const { state } = restoreTraining(bytes, { model: resumed, optimizer });
  const second = await reportsOf(resumed, { ...options, steps: 6, state });
  expect([...lossesOf(first), ...lossesOf(second)]).toEqual(lossesOf(all));
  expect(await read(treeTensors(second[2]?.state.ema))).toEqual(await read(treeTensors(all[5]?.state.ema)));
});

test("a state made beforehand is that of a fresh start", async () => {
  const options = { steps: 3, ema: 0.9, precision: "mixed", accumulate: 2 } as const;
  const optimizer = adamW({ lr: 0.01 });
  using a = tinyLM(device);
  using b = tinyLM(device);
  const { steps: _, ...settings } = options;
  const state = initTraining(a, optimizer, settings);
  const given = lossesOf(await reportsOf(a, { ...options, optimizer, state }));
  expect(given).toEqual(lossesOf(await reportsOf(b, { ...options, optimizer })));
  const other = reportsOf(b, { ...options, state, lossScale: { interval: 7 } });
  await expect(other).rejects.toThrow(/lossScale: saved "65536, 2, 0.5, 2000", now "65536, 2, 0.5, 7"/);
});

test("a state of other options is refused, each named", async () => {
  using model = tinyLM(device);
  const [first] = await reportsOf(model, { steps: 1, ema: 0.9, seed: 3 });
  const state = first?.state as NonNullable<typeof first>["state"];
  const other = reportsOf(model, {
    steps: 2,
    accumulate: 2,
    precision: "mixed",
    maxNorm: Number.POSITIVE_INFINITY,
    state,
  });
  await expect(other).rejects.toThrow(ConfigError);
  await expect(other).rejects.toThrow(/accumulate.*precision.*ema.*maxNorm.*seed: saved 3, now 0/s);
});

test.each([
  [{ steps: 1, accumulate: 0, ema: 1, precision: "f16", maxNorm: -1, sede: 3 }, /accumulate.*precision.*ema/s],
  [{ steps: -1, evaluate: { every: 0, run: 3 }, lossScale: { inital: 4 } }, /evaluate.every.*evaluate.run/s],
])("refuses %o", async (options, message) => {
  using model = tinyLM(device);
  const run = reportsOf(model, options as never);
  await expect(run).rejects.toThrow(ConfigError);
  await expect(run).rejects.toThrow(message);
});
