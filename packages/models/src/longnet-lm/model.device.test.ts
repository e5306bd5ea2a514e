import { type Device, ShapeError, type Tensor, treeEntries, treeTensors, valueAndGrad } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LongNetLMOptions } from "./config.ts";
import { createLongNetLM } from "./model.ts";

const options: LongNetLMOptions = {
  vocab: 17,
  dim: 16,
  layers: 2,
  heads: 2,
  branches: [
    { segment: 8, dilation: 1 },
    { segment: 24, dilation: 2 },
  ],
};

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

const tokensOf = (values: readonly number[]) =>
  device.tensor(values, [1, values.length], { dtype: "i32", label: "tokens" });
const text = Array.from({ length: 24 }, (_, i) => (i * i + 3) % 17);

test("logits do not depend on later tokens, bit for bit", async () => {
  using model = createLongNetLM(device, options, { seed: 1 });
  const changed = text.map((token, i) => (i < 15 ? token : (token + 1) % 17));
  using a = device.scope(() => model.forward(tokensOf(text)));
  using b = device.scope(() => model.forward(tokensOf(changed)));
  const [x, y] = [await a.data(), await b.data()];
  expect(a.shape).toEqual([1, 24, 17]);
  expect(y.slice(0, 15 * 17)).toEqual(x.slice(0, 15 * 17));
  expect(y.slice(15 * 17)).not.toEqual(x.slice(15 * 17));
});

test("a clone gives the same bits, call after call", async () => {
  using model = createLongNetLM(device, options, { seed: 1 });
  using clone = createLongNetLM(device, options, { seed: 2 });
  const targets = new Map(treeEntries(clone.parameters));
  for (const [name, weight] of treeEntries(model.parameters)) device.copy(weight, targets.get(name) as Tensor);
  const logitsOf = async (of: typeof model) => {
    using logits = device.scope(() => of.forward(tokensOf(text)));
    return logits.data();
  };
  const first = await logitsOf(model);
  for (const again of [clone, clone, model, clone]) expect(await logitsOf(again)).toEqual(first);
});

test("a fresh model is close to undecided", async () => {
  using model = createLongNetLM(device, options, { seed: 1 });
  using loss = device.scope(() => model.loss(tokensOf(text)));
  expect(Math.abs((await loss.item()) - Math.log(17))).toBeLessThan(1.2);
});

test("the gradient is that of the loss (finite differences along it)", async () => {
  using model = createLongNetLM(device, options, { seed: 2 });
  using batch = tokensOf(text);
  const { value, grads } = valueAndGrad(model.parameters, () => model.loss(batch));
  const [params, slopes] = [treeTensors(model.parameters), treeTensors(grads)];
  const before = await Promise.all(params.map((p) => p.data()));
  const slope = await Promise.all(slopes.map((g) => g.data()));
  const norm2 = slope.reduce((sum, g) => sum + (g as Float32Array).reduce((s, x) => s + x * x, 0), 0);
  const lossAt = async (h: number) => {
    for (const [i, p] of params.entries()) {
      const moved = (x: number, j: number) => x + (h * (slope[i]?.[j] as number)) / Math.sqrt(norm2);
      device.write(p, Float32Array.from(before[i] as Float32Array, moved));
    }
    using loss = device.scope(() => model.loss(batch));
    return loss.item();
  };
  const h = 2e-2;
  const measured = ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
  expect(Math.abs(measured / Math.sqrt(norm2) - 1)).toBeLessThan(1e-2);
  value.dispose();
  for (const grad of slopes) grad.dispose();
});

test("checkpointing changes memory, not gradients, dropout included", async () => {
  const gradsOf = async (checkpointing: boolean): Promise<number[][]> => {
    using model = createLongNetLM(device, { ...options, dropout: 0.1, checkpointing }, { seed: 3 });
    using batch = tokensOf(text);
    const { value, grads } = valueAndGrad(model.parameters, () => model.loss(batch, { dropoutSeed: 5 }));
    const list = treeTensors(grads);
    const data = await Promise.all(list.map(async (g: Tensor) => Array.from(await g.data())));
    value.dispose();
    for (const grad of list) grad.dispose();
    return data;
  };
  const [plain, recomputed] = [await gradsOf(false), await gradsOf(true)];
  expect(recomputed).toEqual(plain);
});

test("nothing is left alive", async () => {
  const live = () => device.stats().live;
  const before = live();
  const model = createLongNetLM(device, options, { seed: 1 });
  const weights = live();
  const loss = device.scope(() => model.loss(tokensOf(text)));
  await loss.item();
  loss.dispose();
  expect(live()).toBe(weights);
  model.dispose();
  expect(live()).toBe(before);
});

test("refuses tokens without a target", () => {
  using model = createLongNetLM(device, options);
  expect(() => device.scope(() => model.loss(tokensOf([1])))).toThrow(ShapeError);
});
