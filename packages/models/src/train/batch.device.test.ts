import { ConfigError, type Device, LimitError, ShapeError, Tensor } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import { createModel } from "../factory.ts";
import type { TokenInputs } from "../longnet-lm/tokens.ts";
import { heldOutLoss } from "../text/bits-per-byte.ts";
import { batchToDevice, countOf, type MaskedTokenBatch, type OnDevice } from "./batch.ts";
import { sgd } from "./optimizer.ts";
import { train } from "./train.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

const small = { dim: 16, layers: 1, heads: 2, branches: [{ segment: 8, dilation: 1 }] };
const row = (...tokens: number[]) => ({ tokens, shape: [1, tokens.length] as const });

describe("ids outside the vocabulary are named before anything is queued", () => {
  const lm = () => createModel(device, { kind: "longnet-lm", ...small, vocab: 8 });
  const pair = () =>
    createModel(device, { kind: "longnet", encoder: { ...small, vocab: 6 }, decoder: { ...small, vocab: 8 } });
  const good = { source: row(1, 5, 2), target: row(1, 7, 2) };

  test.each([
    ["a token", lm, row(1, 8, 2), /batch: token 8 at position 1.*0 to 7/s],
    ["a negative token", lm, row(1, 2, -100), /batch: token -100 at position 2/],
    ["a token of a host array", lm, { data: [1, 9], shape: [1, 2], dtype: "i32" }, /batch: token 9 at position 1/],
    ["a label", lm, { ...row(1, 2, 3), labels: [1, -2, 3] }, /batch\.labels: token -2 at position 1.*-100 or -1/s],
    ["a source token", pair, { ...good, source: row(1, 7, 2) }, /batch\.source: token 7 at position 1.*0 to 5/s],
    ["a target token", pair, { ...good, target: row(1, 9, 2) }, /batch\.target: token 9 at position 1.*0 to 7/s],
  ] as const)("%s", async (_, make, batch, message) => {
    using model = make();
    const live = device.stats().live;
    const steps = train(model as never, () => batch as never, { optimizer: sgd({ lr: 0.1 }), steps: 1 });
    const error = await steps.next().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LimitError);
    expect(String(error)).toMatch(message);
    expect(device.stats().live).toBe(live);
  });

  test("held-out text, whose ids may be 64-bit integers", async () => {
    using model = lm();
    expect(await heldOutLoss(model, BigInt64Array.of(1n, 2n, 7n) as never, 2)).toBe(
      await heldOutLoss(model, [1, 2, 7], 2),
    );
    await expect(heldOutLoss(model, [1, 2, 8], 2)).rejects.toThrow(/heldOutLoss: token 8 at position 2/);
  });
});

test.each([
  [
    "a mask of another name",
    { ...row(1, 2, 3), key_mask: [1, 1, 0] },
    /batch: unknown option key_mask.*write keyMask/s,
  ],
  ["one deep in a tree", { source: row(1), target: { ...row(1, 2), label: [1, 2] } }, /batch\.target: .*write labels/s],
  ["a dtype of another name", { data: [1], shape: [1], dType: "i32" }, /batch: unknown option dType.*write dtype/s],
  ["an unknown dtype", { data: [1], shape: [1], dtype: "float32" }, /batch: .*dtype: "float32"; allowed: .*"f32"/s],
  ["a mask that is no list", { ...row(1, 2, 3), keyMask: { length: 3 } }, /batch: .*keyMask: .*allowed: an array/s],
])("%s in a batch is refused", (_, batch, message) => {
  expect(() => batchToDevice(device, batch)).toThrow(ConfigError);
  expect(() => batchToDevice(device, batch)).toThrow(message);
});

test("micro-batches of padded, packed and labelled documents make the step of one batch", async () => {
  const batches: readonly MaskedTokenBatch[] = [
    { ...row(1, 2, 3, 4, 5, 6), keyMask: [1, 1, 1, 1, 1, 1] },
    { ...row(3, 1, 0, 0, 0, 0), keyMask: [1, 1, 0, 0, 0, 0] },
    { ...row(4, 5, 6, 7, 0, 0), labels: [4, 5, -100, 7, -100, -1], keyMask: [1, 1, 1, 1, 0, 0] },
  ];
  const all: MaskedTokenBatch = {
    tokens: batches.flatMap(({ tokens }) => Array.from(tokens)),
    shape: [3, 6],
    labels: batches.flatMap(({ tokens, labels = tokens }) => Array.from(labels)),
    keyMask: batches.flatMap(({ keyMask }) => Array.from(keyMask ?? [])),
  };
  const reportOf = async (accumulate: number) => {
    using model = createModel(device, { kind: "longnet-lm", ...small, vocab: 8 });
    const of = (i: number) => (accumulate === 1 ? all : (batches[i] as MaskedTokenBatch));
    const { value } = await train(model, of, { optimizer: sgd({ lr: 0.1 }), steps: 1, accumulate }).next();
    return value as { loss: number; gradNorm: number; tokens: number };
  };
  const [parts, one] = [await reportOf(3), await reportOf(1)];
  expect([parts.tokens, one.tokens]).toEqual([8, 8]);
  expect(parts.loss).toBeCloseTo(one.loss, 5);
  expect(parts.gradNorm).toBeCloseTo(one.gradNorm, 4);
});

test("a step whose micro-batches mask every token is refused, one that masks some is not", async () => {
  using model = createModel(device, { kind: "longnet-lm", ...small, vocab: 8 });
  const nothing = { ...row(1, 2, 3), labels: [-100, -100, -100] };
  const run = (batches: (i: number) => MaskedTokenBatch) =>
    train(model, batches, { optimizer: sgd({ lr: 0.1 }), steps: 1, accumulate: 2 }).next();
  await expect(run(() => nothing)).rejects.toThrow(ShapeError);
  const live = device.stats().live; // with the tables that a forward pass makes once
  await expect(run(() => nothing)).rejects.toThrow(/step 1 has nothing to predict.*2 micro-batches/s);
  expect(device.stats().live).toBe(live);
  const { value } = await run((i) => (i === 0 ? nothing : row(1, 2, 3)));
  const { loss } = value as { loss: number };
  using alone = device.scope(() => model.loss(device.tensor([1, 2, 3], [1, 3], { dtype: "i32" })));
  expect(Number.isFinite(loss)).toBe(true);
  expect(await alone.item()).toBeLessThan(loss); // one step later
});

test("a batch counts what is predicted, and a loss gets tensors with what masks them", () => {
  const masked = { ...row(1, 2, 3, 4, 5, 6), labels: [1, 2, 3, -100, 5, 6], cuSeqlens: [0, 2, 6] };
  expect(countOf(masked)).toBe(3);
  // A mask of the inputs says nothing of the last token.
  expect(countOf({ ...row(1, 2, 3, 0), keyMask: [1, 1, 1] })).toBe(3);
  expect(countOf({ ...row(1, 2, 3, 0), keyMask: [1, 1, 1, 0] })).toBe(2);
  const wide = (ids: readonly number[]) => BigInt64Array.from(ids, BigInt) as never;
  expect(countOf({ ...masked, tokens: wide(masked.tokens), labels: wide(masked.labels) })).toBe(3);
  const inputs = batchToDevice(device, masked) as TokenInputs;
  expectTypeOf<OnDevice<typeof masked>>().toEqualTypeOf<Tensor | TokenInputs>();
  expect(inputs.tokens).toBeInstanceOf(Tensor);
  expect(inputs.labels?.shape).toEqual([1, 6]);
  expect(inputs.cuSeqlens).toEqual([0, 2, 6]);
  for (const tensor of [inputs.tokens, inputs.labels]) tensor?.dispose();
});
