import { ConfigError, type Device, reshape, ShapeError, type Tensor } from "@dilated/core";
import { linear, mean, square, sub } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, expectTypeOf, test } from "vitest";
import { encodeTraining, restoreTraining } from "../checkpoint/checkpoint.ts";
import { createLongNet } from "../longnet/longnet.ts";
import { batchToDevice, countOf, type HostArray } from "./batch.ts";
import { adamW } from "./optimizer.ts";
import type { TrainState } from "./state.ts";
import { train } from "./train.ts";
import type { Trainable } from "./trainable.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

interface Points<T> {
  readonly x: T;
  readonly y: T;
}

/** y = x wᵀ + b, fitted: a model of a user's own. */
const regression = (): Trainable<Points<Tensor>, { w: Tensor; b: Tensor }> => ({
  device,
  parameters: { w: device.zeros([1, 2]), b: device.zeros([1]) },
  loss({ x, y }) {
    const { w, b } = this.parameters;
    return mean(square(sub(reshape(linear(x, w, b), [-1]), y)));
  },
});

const points = async (step: number): Promise<Points<HostArray>> => {
  const data = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i * 1.7 + step));
  const y = Array.from({ length: 8 }, (_, i) => 3 * (data[2 * i] as number) - 2 * (data[2 * i + 1] as number) + 0.5);
  return { x: { data, shape: [8, 2] }, y: { data: y, shape: [8] } };
};

async function run(model: Trainable<Points<Tensor>>, steps: number, state?: TrainState) {
  const optimizer = adamW({ lr: 0.05, weightDecay: 0 });
  const losses: number[] = [];
  let last = state;
  for await (const step of train(model, points, { optimizer, steps, keepState: true, ...(state ? { state } : {}) })) {
    expect(step.tokens).toBe(8);
    losses.push(step.loss);
    last = step.state;
  }
  return { losses, optimizer, state: last as TrainState };
}

test("an object of one's own trains, saves and resumes", async () => {
  const { losses } = await run(regression(), 60);
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 20);

  const half = regression();
  const first = await run(half, 30);
  const bytes = await encodeTraining({ model: half, optimizer: first.optimizer, state: first.state });
  const resumed = regression();
  const { state } = restoreTraining(bytes, { model: resumed, optimizer: adamW({ lr: 0.05, weightDecay: 0 }) });
  const second = await run(resumed, 60, state);
  expect([...first.losses, ...second.losses]).toEqual(losses);
});

test("a GPU's kernels are compiled ahead of the first step by one more call of the loss, which changes nothing", async () => {
  const model = regression();
  let calls = 0;
  const counted: typeof model = {
    ...model,
    loss(batch) {
      calls += 1;
      return model.loss.call(this, batch);
    },
  };
  const { losses } = await run(counted, 2);
  expect(calls).toBe(device.info.backend === "webgpu" ? 3 : 2);
  expect(losses).toEqual((await run(regression(), 2)).losses);
});

test("an encoder-decoder trains on trees of tokens", async () => {
  const branches = [{ segment: 8, dilation: 1 }];
  const stack = { vocab: 12, dim: 16, layers: 1, heads: 2, branches };
  using model = createLongNet(device, { encoder: stack, decoder: stack });
  const ids = (length: number, shift: number) => Int32Array.from({ length }, (_, i) => (i + shift) % 12);
  const pairs = (step: number) => ({
    source: { tokens: ids(8, step), shape: [1, 8] as const },
    target: { tokens: ids(9, step), shape: [1, 9] as const },
  });
  const losses: number[] = [];
  for await (const step of train(model, pairs, { optimizer: adamW({ lr: 1e-2 }), steps: 8 })) losses.push(step.loss);
  expect(losses.at(-1)).toBeLessThan(losses[0] as number);
});

test("host arrays are converted wherever they are, the rest comes as it was", () => {
  const own = device.zeros([2]);
  const coordinates = Float32Array.of(1, 2);
  const given = {
    a: { tokens: [1, 2, 3, 4], shape: [2, 2] as const },
    b: [{ data: coordinates, shape: [2], dtype: "f16" as const }, own],
    coordinates,
    n: 3,
  };
  const batch = device.scope(() => batchToDevice(device, given));
  expectTypeOf(batch.a).toEqualTypeOf<Tensor>();
  expectTypeOf(batch.coordinates).toEqualTypeOf<typeof coordinates>();
  expect([batch.a.dtype, batch.a.shape]).toEqual(["i32", [2, 2]]);
  expect((batch.b[0] as Tensor).dtype).toBe("f16");
  expect(batch.b[1]).toBe(own);
  expect(batch.coordinates).toBe(coordinates);
  expect([countOf(given), countOf([own]), countOf(3)]).toEqual([2, 2, 1]);
});

test("a batch whose values do not fill its shape is named", async () => {
  const bad = () => ({ x: { data: [1, 2, 3], shape: [2, 2] }, y: { data: [1], shape: [1] } });
  const steps = train(regression(), bad, { optimizer: adamW({ lr: 1 }), steps: 1 });
  await expect(steps.next()).rejects.toThrow(ShapeError);
  await expect(train(regression(), bad, { optimizer: adamW({ lr: 1 }), steps: 1 }).next()).rejects.toThrow(/batch\.x/);
});

test.each([
  ["a Promise", async () => mean(device.zeros([1]))],
  ["3", () => 3],
  ["undefined", () => undefined],
])("a loss that returns %s is told so", async (given, loss) => {
  const model = { device, parameters: { w: device.zeros([1]) }, loss } as unknown as Trainable<Tensor>;
  const step = train(model, () => device.zeros([1]), { optimizer: adamW({ lr: 1 }), steps: 1 }).next();
  const error = await step.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  expect(String(error)).toMatch(new RegExp(`train: what model.loss returns must be a Tensor[^]*${given}`));
});
