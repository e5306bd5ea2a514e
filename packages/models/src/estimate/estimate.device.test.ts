import { ConfigError, type Device } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { expect, it } from "vitest";
import { decodeCacheBytes } from "../decode/cache-plan.ts";
import { createModel, type ModelOptions } from "../factory.ts";
import { resolveLongNetLM } from "../longnet-lm/config.ts";
import { adamW, sgd } from "../train/optimizer.ts";
import { backwardOnce, forwardOnce, peakOf } from "./dry-run.ts";
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
  ["a slide encoder in training", { kind: "longnet-vit", ...stack, tileDim: 48 }, { N: 300, mode: "train" }],
];

const optimizers = { adamw: () => adamW({ lr: 1e-3 }), sgd: () => sgd({ lr: 1e-3 }) };

function measure(
  device: Device,
  options: ModelOptions,
  { N, B = 1, M = N, mode, optimizer = "adamw" }: EstimateOptions,
) {
  using model = createModel(device, options as Parameters<typeof createModel>[1]);
  const size = { N, B, M };
  return peakOf(device, () => {
    if (mode === "forward") forwardOnce(model, size);
    else backwardOnce(model, size, mode === "train" ? optimizers[optimizer]() : undefined);
  });
}

it.each(cases)("the peak of %s is what the device measures, within 5 %%", async (_, model, options) => {
  using device = await openTestDevice();
  const wanted = measure(device, model, options);
  await device.sync();
  const { bytes } = estimate(model as Parameters<typeof estimate>[0], { ...options, device });
  expect(Math.abs(bytes.peak / wanted - 1)).toBeLessThan(0.05);
  expect(bytes.weights + bytes.gradients + bytes.optimizer + bytes.activations).toBe(bytes.peak);
});

it("work grows as it should", async () => {
  const options = { kind: "longnet-lm", ...stack, vocab: 64 } as const;
  const at = (mode: EstimateOptions["mode"], N = 256) => estimate(options, { N, mode: mode ?? "forward" });
  const { dim, layers } = stack;
  const perToken = layers * (4 * dim * dim + 2 * dim * 4 * dim) + 64 * dim;
  const forward = at("forward");
  expect(forward.flops.linear).toBe(2 * 256 * perToken);
  expect(at("backward").flops.linear).toBe(3 * forward.flops.linear);
  expect(at("backward").flops.attention).toBe(3.5 * forward.flops.attention);
  const decode = at("decode");
  expect(decode.flops.linear).toBe(2 * perToken);
  // Four heads, offsets 0 to 3: 32 rows of the dense branch and 32 of every fourth of 128.
  expect(decode.liveRows).toBe(layers * 4 * (32 + 32));
  expect(decode.bytes.cache).toBe(decodeCacheBytes(resolveLongNetLM({ ...stack, vocab: 64 }), 1, { length: 256 }));
  expect(Math.abs(decode.bytes.cache / (decode.liveRows * 2 * 8 * 4) - 1)).toBeLessThan(0.05);
  expect(at("decode", 4096).bytes.cache).toBe(decode.bytes.cache);
  expect(forward.parameters * 4).toBe(forward.bytes.weights);
  expect(at("train").bytes.optimizer).toBe(2 * forward.bytes.weights);
});

it("plans what no machine here could hold", () => {
  const { bytes, flops } = estimate({ kind: "longnet-lm", preset: "base" }, { N: 2 ** 17, mode: "train" });
  expect(bytes.peak).toBeGreaterThan(2 ** 34);
  expect(flops.total).toBeGreaterThan(1e14);
});

it.each([
  [{ kind: "longnet-lm", preset: "huge" }, { N: 8 }, /unknown preset huge.*known: tiny, small, base/s],
  [{ kind: "rnn" }, { N: 8 }, /unknown kind rnn.*known: longnet-lm/s],
  [{ kind: "longnet-lm", preset: "tiny" }, { N: 0 }, /N: 0; allowed: a positive integer/],
  [{ kind: "longnet-lm", preset: "tiny" }, { N: 8, mood: 1 }, /mood: unknown/],
  [{ kind: "longnet-encoder", preset: "LongNet_test" }, { N: 8, mode: "decode" }, /does not generate/],
])("refuses %o %o", (model, options, message) => {
  const call = () => estimate(model as never, options as never);
  expect(call).toThrow(ConfigError);
  expect(call).toThrow(message);
});
