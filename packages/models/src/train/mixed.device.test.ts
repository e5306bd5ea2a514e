import { ConfigError, type Device, LimitError, type Tensor, treeTensors } from "@dilated/core";
import { linear, mean, scale, square } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { encodeTraining, restoreTraining } from "../checkpoint/checkpoint.ts";
import type { HostArray } from "./batch.ts";
import { adamW } from "./optimizer.ts";
import { lossesOf, read, reportsOf, tinyLM, windows } from "./test-utils/tiny.ts";
import { train } from "./train.ts";
import type { Trainable } from "./trainable.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

// Software Vulkan takes most of a minute to compile the f16 variants.
test("follows f32 training, with gradients that are those of f32", async () => {
  using wide = tinyLM(device);
  using half = tinyLM(device);
  const exact = await reportsOf(wide, { steps: 12 });
  const mixed = await reportsOf(half, { steps: 12, precision: "mixed" });
  for (const [i, { loss, gradNorm, skipped, lossScale }] of mixed.entries()) {
    expect(Math.abs(loss - (exact[i]?.loss as number))).toBeLessThan(0.02);
    expect(Math.abs(gradNorm / (exact[i]?.gradNorm as number) - 1)).toBeLessThan(0.05);
    expect([skipped, lossScale]).toEqual([false, 65536]);
  }
  expect(lossesOf(mixed)).not.toEqual(lossesOf(exact)); // it did compute in f16
  expect(lossesOf(mixed).at(-1)).toBeLessThan((lossesOf(mixed)[0] as number) - 0.5);
  expect(treeTensors(half.parameters).every(({ dtype }) => dtype === "f32")).toBe(true);
});

test("takes no more launches than f32 where kernels read f16, but for the rounding of small gradients", async () => {
  if (device.info.backend === "wasm") return; // there each kernel's operands are widened first
  const launches = async (precision: "f32" | "mixed"): Promise<number> => {
    using model = tinyLM(device);
    const steps = train(model, windows, { optimizer: adamW({ lr: 5e-3 }), steps: 2, precision });
    await steps.next(); // makes the copy
    const spy = vi.spyOn(device, "run");
    await steps.next();
    const { length } = spy.mock.calls;
    spy.mockRestore();
    return length;
  };
  const [f32, mixed] = [await launches("f32"), await launches("mixed")];
  using model = tinyLM(device);
  const vectors = treeTensors(model.parameters).filter(({ rank }) => rank < 2).length; // summed in f32, each then rounded
  expect(mixed).toBeLessThanOrEqual(f32 + vectors + 2);
});

test("adds micro-batches, and stays at constant memory", async () => {
  using wide = tinyLM(device);
  using half = tinyLM(device);
  const exact = lossesOf(await reportsOf(wide, { steps: 6, accumulate: 3 }));
  const live = device.stats().live;
  const mixed = await reportsOf(half, { steps: 6, accumulate: 3, precision: "mixed" });
  for (const [i, { loss }] of mixed.entries()) expect(Math.abs(loss - (exact[i] as number))).toBeLessThan(0.02);
  const moments = treeTensors(mixed[0]?.state.optimizer);
  for (const tensor of moments) tensor.dispose();
  expect(device.stats().live).toBe(live); // the f16 copy is gone, too
});

test("a step that overflows changes nothing but the scale, which halves; good steps raise it", async () => {
  using model = tinyLM(device);
  const before = await read(treeTensors(model.parameters));
  const lossScale = { initial: 2 ** 40, backoff: 0.5, growth: 4, interval: 2 };
  const [first] = await reportsOf(model, { steps: 1, precision: "mixed", lossScale });
  expect(first).toMatchObject({ skipped: true, lossScale: 2 ** 40, state: { step: 1, skipped: 1 } });
  expect(first?.state.lossScale).toEqual({ scale: 2 ** 39, streak: 0 });
  expect(Number.isFinite(first?.gradNorm)).toBe(false);
  expect(await read(treeTensors(model.parameters))).toEqual(before);
  expect((await read(treeTensors(first?.state.optimizer))).flat().every((value) => value === 0)).toBe(true);

  const small = { ...lossScale, initial: 8 };
  const later = await reportsOf(model, { steps: 5, precision: "mixed", lossScale: small });
  expect(later.map((report) => report.lossScale)).toEqual([8, 8, 32, 32, 128]);
});

test("a resumed run gives the same bits, scale included", async () => {
  const optimizer = adamW({ lr: 5e-3 });
  const options = { optimizer, precision: "mixed", lossScale: { interval: 4 } } as const;
  using whole = tinyLM(device, 0.1);
  using half = tinyLM(device, 0.1);
  using resumed = tinyLM(device, 0.1);
  const losses = lossesOf(await reportsOf(whole, { ...options, steps: 12 }));
  const first = await reportsOf(half, { ...options, steps: 6 });
  const state = first.at(-1)?.state as NonNullable<(typeof first)[0]>["state"];
  const bytes = await encodeTraining({ model: half, optimizer, state });
  const restored = restoreTraining(bytes, { model: resumed, optimizer });
  expect(restored.state.lossScale).toEqual(state.lossScale);
  const second = await reportsOf(resumed, { ...options, steps: 12, state: restored.state });
  expect([...lossesOf(first), ...lossesOf(second)]).toEqual(losses);
});

const x: HostArray = { data: [1, 2, 3, 4, 5, 6, 7, 8], shape: [2, 4] };

test("reaches a model of one's own through this.parameters or withParameters, and says where it cannot", async () => {
  const w = (): Tensor => device.randomNormal([4, 4], { seed: 1 });
  const through: Trainable<Tensor, { w: Tensor }> = {
    device,
    parameters: { w: w() },
    loss(batch) {
      return mean(square(linear(batch, this.parameters.w)));
    },
  };
  const closed = (parameters: { w: Tensor }): Trainable<Tensor, { w: Tensor }> => ({
    device,
    parameters,
    loss: (batch) => mean(square(linear(batch, parameters.w))),
  });
  const open = (parameters: { w: Tensor }): Trainable<Tensor, { w: Tensor }> => ({
    ...closed(parameters),
    withParameters: open,
  });
  const step = async (model: Trainable<Tensor, { w: Tensor }>) => {
    const [one] = [
      await train(model, () => x, { optimizer: adamW({ lr: 0.01 }), steps: 1, precision: "mixed" }).next(),
    ];
    return one?.value;
  };
  await expect(step(through)).resolves.toMatchObject({ step: 1 });
  await expect(step(open({ w: w() }))).resolves.toMatchObject({ step: 1 });
  await expect(step(closed({ w: w() }))).rejects.toThrow(ConfigError);
  await expect(step(closed({ w: w() }))).rejects.toThrow(/withParameters/);
});

test("a loss that is not finite at any scale ends in an error", async () => {
  const model: Trainable<Tensor, { w: Tensor }> = {
    device,
    parameters: { w: device.randomNormal([4, 4], { seed: 1 }) },
    loss(batch) {
      const { w } = this.parameters;
      return mean(scale(square(linear(batch, w)), Number.MAX_VALUE));
    },
  };
  const run = async () => {
    const options = { optimizer: adamW({ lr: 0.01 }), steps: 99, precision: "mixed" } as const;
    for await (const { skipped } of train(model, () => x, options)) expect(skipped).toBe(true);
  };
  await expect(run()).rejects.toThrow(LimitError);
});
