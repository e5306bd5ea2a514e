import { ConfigError, type Device, philox4x32, type Tensor, treeTensors, valueAndGrad } from "@dilated/core";
import type { KeyMask } from "@dilated/kernels";
import { openTestDevice, shareOf } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createModel, type ModelOptions } from "../factory.ts";
import type { PositionKind } from "../layers/positions.ts";
import type { TokenInputs } from "../longnet-lm/tokens.ts";
import type { ForwardOptions } from "../stack/stack.ts";
import { read } from "../train/test-utils/tiny.ts";

const V = 16;

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

const small = {
  vocab: V,
  dim: 16,
  layers: 1,
  heads: 2,
  branches: [
    { segment: 4, dilation: 1 },
    { segment: 8, dilation: 2 },
  ],
};
const ids = (rows: readonly (readonly number[])[]): Tensor =>
  device.tensor(rows.flat(), [rows.length, rows[0]?.length ?? 0], { dtype: "i32" });

interface Causal {
  readonly parameters: object;
  loss(batch: Tensor | TokenInputs, options?: ForwardOptions): Tensor;
  dispose(): void;
}

async function lossOf(model: Causal, batch: Tensor | TokenInputs, options: ForwardOptions = {}) {
  const { value, grads } = valueAndGrad(model.parameters, () => model.loss(batch, options));
  const result = { loss: await value.item(), grads: await read(treeTensors(grads)) };
  for (const tensor of [value, ...treeTensors(grads)]) tensor.dispose();
  return result;
}

/** Loss and gradient of documents one by one, each counting as much as it has targets. */
async function alone(model: Causal, docs: readonly (readonly number[])[]) {
  let total = 0;
  let loss = 0;
  let grads: number[][] = [];
  for (const doc of docs) {
    const count = doc.length - 1;
    if (count === 0) continue;
    const one = await lossOf(model, ids([doc]));
    total += count;
    loss += count * one.loss;
    grads = one.grads.map((grad, i) => grad.map((value, j) => count * value + (grads[i]?.[j] ?? 0)));
  }
  return { loss: loss / total, grads: grads.map((grad) => grad.map((value) => value / total)) };
}

function expectSame(got: Awaited<ReturnType<typeof alone>>, wanted: typeof got): void {
  expect(got.loss).toBeCloseTo(wanted.loss, 4);
  for (const [i, grad] of got.grads.entries())
    expect(grad).toBeAllClose(wanted.grads[i] as number[], { atol: 2e-5, rtol: 2e-3 });
}

/** Documents of drawn lengths, one of a single token among them now and then. */
const drawn = (seed: number): number[][] =>
  lengths
    .slice(3 * seed, 3 * seed + 3)
    .map((length, d) => Array.from({ length }, (_, n) => (7 * n + 5 * d + seed) % V));
const lengths = Array.from({ length: 30 }, (_, i) => {
  const [word = 0] = philox4x32([i, 0, 0, 0], [17, 0]);
  return 1 + (word % 11);
});
const seeds = shareOf([0, 1, 2, 3]);

const pad = (rows: readonly (readonly number[])[], length: number) =>
  rows.map((row) => [...row, ...Array.from({ length: length - row.length }, () => 0)]);

const kinds = ["xpos", "rope", "learned", "sinusoid", "none"] as const;

describe.each([...kinds.map((position) => ["longnet-lm", position] as const), ["longnet-decoder", "learned"] as const])(
  "a %s with %s positions",
  (kind: "longnet-lm" | "longnet-decoder", position: PositionKind) => {
    const open = () =>
      createModel(device, {
        kind,
        ...small,
        position,
        ...(position === "learned" ? { maxPositions: 11 } : {}),
        seed: 2,
      } as ModelOptions<"longnet-lm">);

    test.each(seeds)("has the loss and gradient of packed documents that they have alone (%d)", async (seed) => {
      using model = open();
      const docs = drawn(seed);
      const text = docs.flat();
      const bounds = [0, ...docs.map((_, i) => docs.slice(0, i + 1).flat().length)];
      // A last document of one token is a target only: it has no place among the inputs' boundaries.
      const inputs = [...bounds.filter((bound) => bound < text.length - 1), text.length - 1];
      const given = seed % 2 === 0 || docs.at(-1)?.length === 1 ? bounds : inputs;
      expectSame(await lossOf(model, ids([text]), { cuSeqlens: given }), await alone(model, docs));
    });

    test.each(seeds)("and of padded ones (%d)", async (seed) => {
      using model = open();
      const docs = drawn(seed);
      const length = Math.max(...docs.map((doc) => doc.length)) + 1 + (seed % 3);
      const mask = docs.flatMap((doc) => Array.from({ length }, (_, n) => (n < doc.length ? 1 : 0)));
      const onDevice = seed % 2 === 0 && position !== "learned"; // whose table has no room for padding
      const keyMask: KeyMask = onDevice ? device.tensor(mask, [docs.length, length], { dtype: "u32" }) : mask;
      expectSame(await lossOf(model, { tokens: ids(pad(docs, length)), keyMask }), await alone(model, docs));
    });
  },
);

describe("what counts", () => {
  let model: ReturnType<typeof open>;
  const open = () => createModel(device, { kind: "longnet-lm", ...small, seed: 2 });
  beforeAll(() => {
    model = open();
  });
  afterAll(() => model.dispose());

  test("a mask of the inputs does as one of the tokens", async () => {
    const tokens = ids([[1, 2, 3, 0, 0, 0]]);
    expectSame(await lossOf(model, tokens, { keyMask: [1, 1, 1, 0, 0] }), await alone(model, [[1, 2, 3]]));
    expectSame(await lossOf(model, tokens, { keyMask: [1, 1, 1, 1, 1, 0] }), await alone(model, [[1, 2, 3, 0, 0]]));
  });

  test("labels of -100 and -1 are no targets", async () => {
    const tokens = ids([[1, 2, 3, 4, 5]]);
    const prefix = await alone(model, [[1, 2, 3, 4]]);
    for (const none of [-100, -1]) {
      expectSame(await lossOf(model, { tokens, labels: ids([[1, 2, 3, 4, none]]) }), prefix);
    }
    const nothing = await lossOf(model, { tokens, labels: ids([[1, -100, -100, -100, -100]]) });
    expect(nothing.loss).toBe(0);
  });

  test("padding in front does not move learned positions", async () => {
    const wide = { ...small, branches: [{ segment: 16, dilation: 1 }], position: "learned", maxPositions: 3 } as const;
    using learned = createModel(device, { kind: "longnet-lm", ...wide });
    const options = { keyMask: [0, 0, 1, 1, 1, 1] };
    expectSame(await lossOf(learned, ids([[0, 0, 5, 6, 7, 8]]), options), await alone(learned, [[5, 6, 7, 8]]));
  });

  test("masks that do not fit, or are given twice, are refused before anything is queued", () => {
    const tokens = ids([[1, 2, 3, 4, 5]]);
    const call =
      (batch: Omit<TokenInputs, "tokens">, options: ForwardOptions = {}) =>
      () =>
        device.scope(() => void model.loss({ tokens, ...batch }, options));
    expect(call({ keyMask: [1, 1, 1] })).toThrow(/\[1, 5\] or \[1, 4\].*3 values/s);
    expect(call({ cuSeqlens: [0, 2] })).toThrow(ConfigError);
    expect(call({ keyMask: [1, 1, 1, 1] }, { keyMask: [1, 1, 1, 1] })).toThrow(/given twice/);
    expect(call({ labels: ids([[1, 2, 3]]) })).toThrow(/a label for each token/);
  });

  test("an id outside the vocabulary that only the device sees gives NaN", async () => {
    for (const row of [
      [1, V, 3],
      [1, 2, -3],
    ]) {
      using loss = device.scope(() => model.loss(ids([row])));
      expect(await loss.item()).toBeNaN();
    }
  });
});

test("an encoder-decoder has the loss of padded pairs that they have alone", async () => {
  using model = createModel(device, { kind: "longnet", encoder: small, decoder: small, seed: 3 });
  const pairs = [
    [
      [1, 2, 3, 4, 5],
      [6, 7],
    ],
    [
      [8, 9],
      [1, 2, 3, 4],
    ],
  ] as const;
  let nats = 0;
  for (const [source, target] of pairs) {
    using loss = device.scope(() => model.loss({ source: ids([source]), target: ids([target]) }));
    nats += (await loss.item()) * (target.length - 1);
  }
  const maskOf = (rows: readonly (readonly number[])[], length: number) =>
    rows.flatMap((row) => Array.from({ length }, (_, n) => n < row.length));
  const [sources, targets] = [pairs.map(([source]) => source), pairs.map(([, target]) => target)];
  const source = { tokens: ids(pad(sources, 6)), keyMask: maskOf(sources, 6) };
  const target = { tokens: ids(pad(targets, 5)), keyMask: maskOf(targets, 5) };
  using inBatch = device.scope(() => model.loss({ source, target }));
  expect(await inBatch.item()).toBeCloseTo(nats / 4, 4);
  const options = { sourceMask: source.keyMask, keyMask: target.keyMask };
  using asOptions = device.scope(() => model.loss({ source: source.tokens, target: target.tokens }, options));
  expect(await asOptions.item()).toBeCloseTo(nats / 4, 4);
  expect(() => model.loss({ source, target }, { cuSeqlens: [0, 2, 4] })).toThrow(/no packed sequences/);
  expect(() => model.loss({ source, target }, { sourceMask: source.keyMask })).toThrow(/given twice/);
  expect(() =>
    device.scope(() =>
      model.forward(
        source.tokens,
        ids([
          [1, 2],
          [3, 4],
        ]),
        { sourceMask: [1] },
      ),
    ),
  ).toThrow(/sourceMask/);
});
