import { ConfigError } from "@dilated/core";
import { expect, it } from "vitest";
import { decodeCacheBytes } from "../decode/cache-plan.ts";
import { resolveLongNetLM } from "../longnet-lm/config.ts";
import { type EstimateOptions, estimate } from "./estimate.ts";

const branches = [
  { segment: 32, dilation: 1 },
  { segment: 128, dilation: 4 },
];
const stack = { dim: 32, layers: 3, heads: 4, branches } as const;

it("mixed precision holds an f16 copy and f16 gradients, an average one more copy in f32", () => {
  const of = (given: Partial<EstimateOptions>) =>
    estimate({ kind: "longnet-lm", ...stack, vocab: 64 }, { N: 128, B: 2, mode: "train", ...given }).bytes;
  const [f32, mixed, averaged] = [of({}), of({ precision: "mixed" }), of({ ema: 0.99 })];
  expect([f32.copy, f32.ema, f32.gradients]).toEqual([0, 0, f32.weights]);
  expect([mixed.copy, mixed.gradients].map((bytes) => bytes / f32.weights)).toEqual([
    expect.closeTo(0.5, 1),
    expect.closeTo(0.5, 1),
  ]);
  expect(mixed.optimizer).toBe(f32.optimizer);
  expect(mixed.activations).toBeLessThan(0.75 * f32.activations);
  expect(averaged.ema).toBe(f32.weights);
  expect(averaged.peak - f32.peak).toBe(f32.weights);
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
  [{ kind: "longnet-lm", preset: "tiny" }, { N: 0 }, /N: 0; allowed: an integer from 1/],
  [{ kind: "longnet-lm", preset: "tiny" }, { N: 8, mood: 1 }, /mood: unknown/],
  [{ kind: "longnet-encoder", preset: "LongNet_test" }, { N: 8, mode: "decode" }, /does not generate/],
  [
    { kind: "longnet-lm", preset: "tiny" },
    { N: 8, precision: "mixed" },
    /precision: "mixed"; allowed with mode "train"/,
  ],
  [{ kind: "longnet-lm", preset: "tiny" }, { N: 8, mode: "train", ema: 1 }, /ema: 1; allowed/],
])("refuses %o %o", (model, options, message) => {
  const call = () => estimate(model as never, options as never);
  expect(call).toThrow(ConfigError);
  expect(call).toThrow(message);
});
