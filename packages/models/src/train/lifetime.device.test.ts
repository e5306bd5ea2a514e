import { type Device, type DilatedError, LimitError, treeTensors } from "@dilated/core";
import { mean, mul } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeTraining, restoreTraining } from "../checkpoint/checkpoint.ts";
import { memoryStore } from "../checkpoint/store.ts";
import { writeWeights } from "../checkpoint/write-weights.ts";
import { adamW } from "./optimizer.ts";
import { disposeTraining, type TrainState } from "./state.ts";
import { lossesOf, read, reportsOf, tinyLM, windows } from "./test-utils/tiny.ts";
import { train } from "./train.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
  using model = tinyLM(device);
  await reportsOf(model, { steps: 1, keepState: false }); // tables that a device keeps
});
afterAll(() => device.dispose());

const optimizer = adamW({ lr: 1e-2 });
const start = { optimizer, steps: 4, ema: 0.9, precision: "mixed" } as const;

test.each<[string, (model: ReturnType<typeof tinyLM>) => Promise<unknown>]>([
  ["done", (model) => reportsOf(model, { ...start, keepState: false })],
  [
    "left",
    async (model) => {
      for await (const step of train(model, windows, start)) if (step.step === 2) break;
    },
  ],
  [
    "thrown out of",
    async (model) => {
      for await (const step of train(model, windows, start)) if (step.step === 2) throw new Error("the caller's");
    },
  ],
  [
    "aborted",
    async (model) => {
      const controller = new AbortController();
      const steps = train(model, windows, { ...start, signal: controller.signal });
      for await (const step of steps) if (step.step === 2) controller.abort();
    },
  ],
  [
    "failed in a batch",
    async (model) => {
      const bad = (step: number) => (step === 2 ? Promise.reject(new Error("no text")) : windows(step));
      for await (const step of train(model, bad, start)) void step;
    },
  ],
])("a run that is %s leaves nothing but the weights", async (_how, run) => {
  using model = tinyLM(device);
  const before = device.stats().live;
  await run(model).catch(() => undefined);
  expect(device.stats().live).toBe(before);
});

test("a state that was kept goes on in this process; one that was freed is refused", async () => {
  using whole = tinyLM(device);
  using parts = tinyLM(device);
  const options = { optimizer, ema: 0.9 } as const;
  const all = lossesOf(await reportsOf(whole, { ...options, steps: 4 }));
  const first = await reportsOf(parts, { ...options, steps: 2, keepState: true });
  const state = first[1]?.state as TrainState;
  const second = await reportsOf(parts, { ...options, steps: 4, state, keepState: false });
  expect([...lossesOf(first), ...lossesOf(second)]).toEqual(all);
  const again = reportsOf(parts, { ...options, steps: 6, state });
  await expect(again).rejects.toThrow(/train: the moments .* were freed.*keepState: true/s);
  await expect(encodeTraining({ model: parts, optimizer, state })).rejects.toThrow(/encodeTraining: the moments/);
});

test("a checkpoint that is not awaited is of the moment of its call, and gives its copies back", async () => {
  using model = tinyLM(device);
  using resumed = tinyLM(device);
  const options = { optimizer, steps: 6, ema: 0.9 } as const;
  const losses: number[] = [];
  let [saving, weights]: Promise<unknown>[] = [];
  const store = memoryStore();
  let now: number[][] = [];
  const live: number[] = [];
  for await (const { step, loss, state } of train(model, windows, options)) {
    losses.push(loss);
    live.push(device.stats().live);
    if (step !== 3) continue;
    saving = encodeTraining({ model, optimizer, state });
    weights = writeWeights(store, [["average", treeTensors(state.ema)[0] as never]]);
    now = await read(treeTensors(state.ema).slice(0, 1));
  }
  await weights;
  const { state } = restoreTraining((await saving) as Uint8Array, { model: resumed, optimizer });
  expect(lossesOf(await reportsOf(resumed, { ...options, state, keepState: false }))).toEqual(losses.slice(3));
  const bytes = (await store.read("model.safetensors")) as Uint8Array;
  expect(Array.from(new Float32Array(bytes.slice(-4 * (now[0]?.length ?? 0)).buffer))).toEqual(now[0]);
  expect(live.at(-1)).toBeLessThanOrEqual(2 * (live[0] as number));
});

test("f32 training whose every step is skipped stops, with the error of mixed precision", async () => {
  const w = device.tensor([1, 2], [2]);
  const model = {
    device,
    parameters: { w },
    loss(x: typeof w) {
      return mean(mul(this.parameters.w, x));
    },
  };
  const batch = (bad: (step: number) => boolean) => (step: number) => ({
    data: [bad(step) ? Number.NaN : 0, 1],
    shape: [2],
  });
  const run = async (bad: (step: number) => boolean) => {
    let skipped = 0;
    for await (const step of train(model, batch(bad), { optimizer, steps: 100 })) skipped += Number(step.skipped);
    return skipped;
  };
  const error: unknown = await run(() => true).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(LimitError);
  expect((error as DilatedError).message).toMatch(/not finite at any loss scale.*30 steps in a row.*NaN/s);
  expect(await run((step) => step % 30 !== 0)).toBe(96); // a good step in between is enough
});

test("the state of no more steps is freed as well", async () => {
  using model = tinyLM(device);
  const before = device.stats().live;
  const [last] = await reportsOf(model, { optimizer, steps: 1, keepState: true });
  await reportsOf(model, { optimizer, steps: 1, state: last?.state as TrainState, keepState: false });
  expect(device.stats().live).toBe(before);
  disposeTraining(last?.state as TrainState); // harmless
});
