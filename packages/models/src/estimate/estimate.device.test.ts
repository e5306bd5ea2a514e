import { type Device, treeMap, treeTensors } from "@dilated/core";
import { openTestDevice, shareOf } from "@dilated-internal/testing";
import { expect, it } from "vitest";
import { createModel, type ModelOptions } from "../factory.ts";
import type { LongNetEncoder } from "../longnet/encoder.ts";
import type { LongNetLM } from "../longnet-lm/model.ts";
import type { LongNetViT } from "../longnet-vit/model.ts";
import type { Model } from "../registry.ts";
import { adamW, sgd } from "../train/optimizer.ts";
import { train } from "../train/train.ts";
import type { Trainable } from "../train/trainable.ts";
import { backwardOnce, type CallSize, forwardOnce, lossOnce, peakOf } from "./dry-run.ts";
import { type EstimateOptions, estimate } from "./estimate.ts";

const branches = [
  { segment: 32, dilation: 1 },
  { segment: 128, dilation: 4 },
];
const stack = { dim: 32, layers: 3, heads: 4, branches } as const;

const cases: readonly (readonly [string, ModelOptions, Omit<EstimateOptions, "device">])[] = [
  ["a language model forward", { kind: "longnet-lm", ...stack }, { N: 300, mode: "forward" }],
  ["a language model in training", { kind: "longnet-lm", ...stack }, { N: 128, B: 2, mode: "train" }],
  ["with dropout", { kind: "longnet-lm", ...stack, dropout: 0.1, attentionDropout: 0.1 }, { N: 128, mode: "backward" }],
  ["with checkpointing", { kind: "longnet-lm", ...stack, checkpointing: true }, { N: 256, mode: "train" }],
  [
    "grouped heads",
    { kind: "longnet-decoder", ...stack, kvHeads: 2, activation: "swiglu" },
    { N: 200, mode: "backward" },
  ],
  [
    "a deepnorm encoder",
    { kind: "longnet-encoder", ...stack, norm: "deep" },
    { N: 256, mode: "train", optimizer: "sgd" },
  ],
  ["an encoder-decoder", { kind: "longnet", encoder: stack, decoder: stack }, { N: 64, M: 100, mode: "backward" }],
  ["a slide encoder", { kind: "longnet-vit", ...stack, tileDim: 48 }, { N: 500, mode: "forward" }],
  ["mixed precision", { kind: "longnet-lm", ...stack }, { N: 256, B: 2, mode: "train", precision: "mixed" }],
  [
    "mixed precision with everything",
    { kind: "longnet-lm", ...stack, checkpointing: true, dropout: 0.1, activation: "swiglu" },
    { N: 256, B: 2, mode: "train", precision: "mixed", ema: 0.9, optimizer: "sgd" },
  ],
  ["averaged weights", { kind: "longnet-decoder", ...stack }, { N: 128, B: 2, mode: "train", ema: 0.999 }],
  [
    "an encoder-decoder in mixed precision",
    { kind: "longnet", encoder: stack, decoder: { ...stack, tied: false } },
    { N: 64, M: 100, mode: "train", precision: "mixed", ema: 0.9 },
  ],
  [
    "a slide encoder in mixed precision",
    { kind: "longnet-vit", ...stack, tileDim: 48 },
    { N: 300, mode: "train", precision: "mixed" },
  ],
  ["a slide encoder in training", { kind: "longnet-vit", ...stack, tileDim: 48 }, { N: 300, mode: "train" }],
];

const optimizers = { adamw: () => adamW({ lr: 1e-3 }), sgd: () => sgd({ lr: 1e-3 }) };

/** Highest bytes of two steps of a real run. */
async function measureTraining(model: Model, { N, B, M }: CallSize, given: Omit<EstimateOptions, "device">) {
  const { optimizer = "adamw", precision = "f32", ema } = given;
  const options = { optimizer: optimizers[optimizer](), precision, steps: 2, ...(ema === undefined ? {} : { ema }) };
  const tokens = (length: number) => ({ tokens: new Int32Array(B * length), shape: [B, length] as const });
  model.device.resetPeak();
  const run =
    model.kind === "longnet-lm" || model.kind === "longnet-decoder"
      ? train(model as LongNetLM, () => tokens(N + 1), options)
      : model.kind === "longnet"
        ? train(model, () => ({ source: tokens(M), target: tokens(N + 1) }), options)
        : train(withLoss(model, { N, B, M }), () => undefined, options);
  let peak = 0;
  for await (const { peakBytes } of run) peak = peakBytes;
  return peak;
}

/** An encoder with a loss of its own, as a user would add one. */
function withLoss(model: LongNetEncoder | LongNetViT, size: CallSize): Trainable<undefined> {
  return {
    device: model.device,
    parameters: model.parameters,
    loss: lossOnce(model, size),
    withParameters: (p) => withLoss(model.withParameters(p as never), size),
  };
}

async function measure(device: Device, options: ModelOptions, given: Omit<EstimateOptions, "device">) {
  using model = createModel(device, options as Parameters<typeof createModel>[1]);
  const { N, B = 1, M = N, mode } = given;
  const size = { N, B, M };
  if (mode === "train") return await measureTraining(model, size, given);
  return peakOf(device, () => (mode === "forward" ? forwardOnce(model, size) : backwardOnce(model, size)));
}

it.each(shareOf(cases))("the peak of %s is what the device measures, within 5 %%", async (_, model, options) => {
  using device = await openTestDevice();
  const wanted = await measure(device, model, options);
  await device.sync();
  const { bytes } = estimate(model as Parameters<typeof estimate>[0], { ...options, device });
  expect(Math.abs(bytes.peak / wanted - 1)).toBeLessThan(0.05);
  const { weights, copy, gradients, optimizer, ema, activations } = bytes;
  expect(weights + copy + gradients + optimizer + ema + activations).toBe(bytes.peak);
});

it.each([
  ["longnet-encoder", { kind: "longnet-encoder", ...stack }],
  ["longnet-vit", { kind: "longnet-vit", ...stack, tileDim: 48 }],
] as const)("a %s is the same over other weights", async (_, options) => {
  using device = await openTestDevice();
  using model = createModel(device, options as ModelOptions<"longnet-vit">);
  const other = treeMap(model.parameters, (tensor) => device.zeros(tensor.shape));
  const moved = model.withParameters(other);
  expect(moved.config).toBe(model.config);
  // Of numbers: what dry runs take is whatever memory holds, and 0 times a NaN is one.
  const input = device.zeros([1, 40, options.kind === "longnet-vit" ? options.tileDim : stack.dim]);
  const y = moved.forward(
    (options.kind === "longnet-vit" ? { tiles: input, coordinates: new Float32Array(80) } : input) as never,
  );
  expect(Array.from(await y.data()).every((value) => value === 0)).toBe(true);
  expect(treeTensors(moved.parameters)).toEqual(treeTensors(other));
});
