import { ConfigError, type Device, LimitError, ShapeError, treeTensors, valueAndGrad } from "@dilated/core";
import { mean, square } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createModel } from "../factory.ts";
import type { StackOptions } from "../stack/config.ts";
import { slopeRatio, take } from "../test-utils/arrays.ts";
import { createLongNetDecoder } from "./decoder.ts";
import { createLongNetEncoder } from "./encoder.ts";
import { createLongNet } from "./longnet.ts";

const branches = [
  { segment: 8, dilation: 1 },
  { segment: 24, dilation: 2 },
];
const stack: StackOptions = { dim: 16, layers: 2, heads: 2, branches };

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

const tokens = (length: number, vocab: number, B = 1, step = 3) =>
  device.tensor(
    Array.from({ length: B * length }, (_, i) => (i * i + step) % vocab),
    [B, length],
    { dtype: "i32" },
  );

const variants: readonly StackOptions[] = [
  { ...stack, norm: "pre", position: "learned", maxPositions: 40 },
  { ...stack, norm: "deep", position: "rope", activation: "relu", kvHeads: 1 },
  { ...stack, norm: "post", position: "sinusoid", activation: "swiglu" },
  { ...stack, norm: "sub", position: "xpos", activation: "geglu" },
];

describe.each(variants)("norm $norm, position $position", (options) => {
  it("a decoder does not look ahead, and its gradient is that of its loss", async () => {
    using model = createLongNetDecoder(device, { ...options, vocab: 11 }, { seed: 1 });
    using text = tokens(25, 11);
    const a = await take(device.scope(() => model.forward(tokens(20, 11))));
    const b = await take(device.scope(() => model.forward(tokens(14, 11))));
    expect(a.slice(0, 14 * 11)).toBeAllClose(b, { atol: 2e-5 });
    const { value, grads } = valueAndGrad(model.parameters, () => model.loss(text));
    const loss = () => device.scope(() => model.loss(text));
    const ratio = await slopeRatio(model.parameters, grads, async () => (await take(loss()))[0] ?? Number.NaN, 1e-2);
    expect(Math.abs(ratio - 1)).toBeLessThan(2e-2);
    for (const tensor of [value, ...treeTensors(grads)]) tensor.dispose();
  });
});

it("padding of an encoder does not change what the tokens give", async () => {
  using model = createLongNetEncoder(device, { ...stack, vocab: 11, position: "xpos" }, { seed: 2 });
  const short = await take(device.scope(() => model.forward(tokens(15, 11))));
  const keyMask = Array.from({ length: 21 }, (_, t) => t < 15);
  const long = await take(device.scope(() => model.forward(tokens(21, 11), { keyMask })));
  expect(long.slice(0, 15 * 16)).toBeAllClose(short, { atol: 5e-5 });
});

it("an encoder gives the states of every layer, the last of which the final norm turns into its output", async () => {
  using model = createLongNetEncoder(device, { ...stack, finalNorm: false }, { seed: 2 });
  using x = device.randomNormal([1, 12, 16], { seed: 1 });
  const states = model.states(x);
  expect(states.length).toBe(3);
  const [first, , last] = await Promise.all(states.map((state) => take(state)));
  expect(first).toEqual(await x.data());
  expect(last).toEqual(await take(model.forward(x)));
});

it("checkpointing and random masks give the same gradients twice", async () => {
  using x = device.randomNormal([2, 12, 16], { seed: 1 });
  const noisy = { ...stack, dropout: 0.1, attentionDropout: 0.1, activationDropout: 0.1, dropPath: 0.3 };
  const gradients = async (checkpointing: boolean, dropoutSeed: number) => {
    using model = createLongNetEncoder(device, { ...noisy, checkpointing }, { seed: 4 });
    const { value, grads } = valueAndGrad(model.parameters, () => mean(square(model.forward(x, { dropoutSeed }))));
    value.dispose();
    return Promise.all(treeTensors(grads).map(async (grad) => Array.from(await take(grad))));
  };
  const plain = await gradients(false, 7);
  expect(await gradients(true, 7)).toEqual(plain);
  expect(await gradients(false, 8)).not.toEqual(plain);
});

describe("the encoder-decoder", () => {
  const options = {
    encoder: { ...stack, position: "xpos" },
    decoder: { ...stack, position: "xpos", vocab: 11 },
  } as const;

  it("attends to the source, not ahead in the target, and heeds the source mask", async () => {
    using model = createLongNet(device, options, { seed: 1 });
    const run = (M: number, N: number, sourceMask?: boolean[]) =>
      take(device.scope(() => model.forward(tokens(M, 11), tokens(N, 11, 1, 5), { sourceMask })));
    const whole = await run(17, 9);
    expect(whole.slice(0, 6 * 11)).toBeAllClose(await run(17, 6), { atol: 2e-5 });
    expect(await run(16, 9)).not.toBeAllClose(whole, { atol: 1e-3 });
    const mask = Array.from({ length: 20 }, (_, t) => t < 17);
    expect(await run(20, 9, mask)).toBeAllClose(whole, { atol: 5e-5 });
  });

  it.each([{}, { norm: "deep" as const, checkpointing: true }])(
    "has the gradient of its loss (%o)",
    async (changes) => {
      const half = (one: StackOptions) => ({ ...one, ...changes });
      const config = { encoder: half(options.encoder), decoder: { ...half(options.decoder), vocab: 11 } };
      using model = createLongNet(device, { ...config, sharedEmbedding: true }, { seed: 3 });
      expect(model.parameters.encoder.embedding).toBeUndefined();
      const batch = { source: tokens(17, 11), target: tokens(10, 11, 1, 5) };
      const { value, grads } = valueAndGrad(model.parameters, () => model.loss(batch));
      const loss = async () => (await take(device.scope(() => model.loss(batch))))[0] ?? Number.NaN;
      expect(Math.abs((await slopeRatio(model.parameters, grads, loss, 1e-2)) - 1)).toBeLessThan(2e-2);
      for (const tensor of [value, ...treeTensors(grads), ...Object.values(batch)]) tensor.dispose();
    },
  );
});

it("frees everything that it made", async () => {
  const tables = () => {
    const { "attention plan": plans = 0, frequencies = 0 } = device.stats().byLabel;
    return plans + frequencies; // the device's, for every model
  };
  const live = device.stats().live - tables();
  const model = createModel(device, { kind: "longnet", encoder: stack, decoder: { ...stack, vocab: 11 } });
  const weights = device.stats().live - tables();
  await take(device.scope(() => model.forward(tokens(12, 11), tokens(12, 11))));
  await take(device.scope(() => model.forward(tokens(12, 11), tokens(12, 11))));
  model.dispose();
  expect(device.stats().live - tables()).toBe(live);
  expect(weights).toBeGreaterThan(live);
});

it.each([
  [{ kind: "longnet-decoder", ...stack, norm: "rms" }, /norm: "rms"; allowed: "sub", "pre", "deep", "post"/],
  [{ kind: "longnet-decoder", ...stack, position: "learned" }, /maxPositions: 0/],
  [{ kind: "longnet-encoder", ...stack, dim: 18 }, /dim \/ heads: 18 \/ 2 = 9/],
  [{ kind: "longnet-encoder", ...stack, branchez: [] }, /branchez: unknown/],
  [{ kind: "longnet", encoder: stack, decoder: { ...stack, dim: 32 } }, /encoder\.dim: 16; allowed: decoder\.dim, 32/],
  [{ kind: "longnet", encoder: stack }, /decoder: missing/],
  [{ kind: "longnet-decoder", preset: "paper" }, /known: tiny, small, base/],
  [{ kind: "transformer" }, /known: longnet-lm, longnet-decoder, longnet-encoder, longnet, longnet-vit/],
])("refuses %o", (options, message) => {
  expect(() => createModel(device, options as never)).toThrow(ConfigError);
  expect(() => createModel(device, options as never)).toThrow(message);
});

it("refuses sequences that its positions do not reach, and input of another width", () => {
  using decoder = createLongNetDecoder(device, { ...stack, position: "learned", maxPositions: 10 });
  expect(() => device.scope(() => decoder.forward(tokens(11, 11)))).toThrow(LimitError);
  using encoder = createLongNetEncoder(device, stack);
  expect(() => device.scope(() => encoder.forward(device.zeros([1, 4, 12])))).toThrow(ShapeError);
  expect(() => device.scope(() => encoder.forward(device.zeros([4, 16])))).toThrow(ShapeError);
  expect(() => encoder.project(device.zeros([1, 4, 16]))).toThrow(/no output projection/);
});
