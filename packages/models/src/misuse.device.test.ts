import { ConfigError, LimitError, ShapeError } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { expect, test } from "vitest";
import { estimate } from "./estimate/estimate.ts";
import { createModel } from "./factory.ts";
import { generate } from "./sample/generate.ts";
import type { OnDevice } from "./train/batch.ts";
import { batchToDevice, countOf } from "./train/batch.ts";
import { sgd } from "./train/optimizer.ts";
import { resolveTrain } from "./train/options.ts";

const half = { dim: 32, layers: 1, heads: 4, branches: [{ segment: 16, dilation: 1 }] } as const;

test("inputs of a wrong kind, rank or width are told by the model that got them", async () => {
  using device = await openTestDevice();
  using encoder = createModel(device, { kind: "longnet-encoder", ...half });
  using lm = createModel(device, { kind: "longnet-lm", ...half, vocab: 20 });
  using both = createModel(device, { kind: "longnet", encoder: half, decoder: { ...half, vocab: 20 } });
  using narrow = device.zeros([1, 8, 16]);
  using flat = device.zeros([8], { dtype: "i32" });
  const tokens = (B: number) => device.zeros([B, 4], { dtype: "i32" });
  const wrong = [
    [() => encoder.forward(narrow), /LongNetEncoder.forward: the input must be vectors \[B, N, 32\]/],
    [() => encoder.states(narrow), /LongNetEncoder.states/],
    [() => encoder.forward(flat), /LongNetEncoder.forward/],
    [() => lm.forward(narrow), /LongNetLM.forward: the input must be tokens \[B, N\] \(i32\)/],
    [() => both.encode(narrow), /LongNet.encode/],
    [() => both.decode(flat, narrow), /LongNet.decode/],
    [() => both.forward(tokens(2), tokens(3)), /source and target must be pairs.*source: 2 rows.*target: 3 rows/s],
  ] as const;
  for (const [call, message] of wrong) {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
  }
  expect(() => encoder.forward([1, 2] as never)).toThrow(/LongNetEncoder.forward: input must be a Tensor/);
  expect(() => lm.forward(undefined as never)).toThrow(/LongNetLM.forward: tokens must be a Tensor/);
});

test("what does not generate says what to call instead", async () => {
  using device = await openTestDevice();
  using encoder = createModel(device, { kind: "longnet-encoder", ...half });
  const first = (model: unknown) => generate(model as never, [1, 2], { count: 2 }).next();
  await expect(first(encoder)).rejects.toThrow(/a longnet-encoder does not generate[\s\S]*model.forward/);
  for (const model of [undefined, null, {}, 7, { kind: "longnet" }])
    await expect(first(model)).rejects.toThrow(ConfigError);
});

test("labels of one axis are tokens, too: for the compiler, on the device and in the count", async () => {
  using device = await openTestDevice();
  const batch = {
    x: { tokens: [1, 2, 3, 4], shape: [2, 2] as const },
    labels: { tokens: [0, 1], shape: [2] as const },
  };
  const { x, labels }: OnDevice<typeof batch> = batchToDevice(device, batch);
  expect([x.shape, labels.shape, labels.dtype, countOf(batch)]).toEqual([[2, 2], [2], "i32", 4]);
  x.dispose();
  labels.dispose();
});

test("an xPos that runs out of range advises a field that the model takes", () => {
  const base = { kind: "longnet-lm", preset: "base" } as const;
  const attempt = (xposScaleBase?: number) =>
    estimate({ ...base, layers: 1, ...(xposScaleBase === undefined ? {} : { xposScaleBase }) }, { N: 2 ** 22 });
  let advised: number | undefined;
  try {
    attempt(512);
  } catch (error) {
    expect(error).toBeInstanceOf(LimitError);
    advised = Number(/make the model with xposScaleBase: (\d+)/.exec((error as LimitError).fix ?? "")?.[1]);
  }
  expect(advised).toBeGreaterThan(512);
  expect(attempt(advised).parameters).toBeGreaterThan(0);
});

test("sizes that no machine holds are refused at once", () => {
  const lm = { kind: "longnet-lm", ...half, vocab: 20 } as const;
  expect(() => estimate({ ...lm, layers: 2 ** 32 }, { N: 8 })).toThrow(
    /layers: 4294967296; allowed: an integer from 1 to 4096/,
  );
  expect(() => estimate(lm, { N: 2 ** 40 })).toThrow(ConfigError);
  expect(() => resolveTrain({ optimizer: sgd({ lr: 1 }), steps: 1, accumulate: 2 ** 32 })).toThrow(
    /accumulate: 4294967296/,
  );
});
