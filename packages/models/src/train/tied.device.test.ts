import {
  ConfigError,
  type Device,
  DisposedError,
  DtypeError,
  reshape,
  stopGradient,
  type Tensor,
  treeTensors,
  valueAndGrad,
} from "@dilated/core";
import { add, clipGradNorm, mean, mul, square } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeTraining, restoreTraining } from "../checkpoint/checkpoint.ts";
import { readModel, writeModel } from "../checkpoint/model.ts";
import { memoryStore } from "../checkpoint/store.ts";
import { createLongNet, LongNet } from "../longnet/longnet.ts";
import { adamW, sgd } from "./optimizer.ts";
import { initTraining, type TrainState } from "./state.ts";
import { train } from "./train.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

/** mean((a·x)² + (b·x)²), a and b the parameters. */
const model = (a: Tensor, b: Tensor) => ({
  device,
  parameters: { a, nested: [{ b }] },
  loss(x: Tensor) {
    const { a, nested } = this.parameters;
    return mean(add(square(mul(a, x)), square(mul(nested[0]?.b as Tensor, x))));
  },
});
const start = () => device.tensor([1, -2], [2]);
const batch = () => ({ data: [1, 2], shape: [2] });

test.each([
  ["the same tensor", (w: Tensor) => w],
  ["an alias", (w: Tensor) => w.alias()],
])(
  "%s under two names is one parameter: one step, one norm, one average, one copy in the file",
  async (_how, other) => {
    const one = start();
    const tied = model(one, other(one));
    const single = {
      device,
      parameters: { w: start() },
      loss(x: Tensor) {
        const { w } = this.parameters;
        return mean(add(square(mul(w, x)), square(mul(w, x))));
      },
    };
    const optimizer = adamW({ lr: 0.1 });
    const options = { optimizer, steps: 2, ema: 0.5, keepState: true } as const;
    const seen: number[][] = [];
    let state: TrainState | undefined;
    for await (const step of train(tied, batch, options)) {
      seen.push([step.loss, step.gradNorm]);
      state = step.state;
    }
    const wanted: number[][] = [];
    for await (const step of train(single, batch, options)) wanted.push([step.loss, step.gradNorm]);
    expect(seen).toEqual(wanted);
    expect(await one.data()).toEqual(await single.parameters.w.data());
    expect(treeTensors([state?.optimizer, state?.ema])).toHaveLength(3);

    const bytes = await encodeTraining({ model: tied, optimizer, state: state as TrainState });
    const again = start();
    const restored = restoreTraining(bytes, { model: model(again, other(again)), optimizer });
    expect(await again.data()).toEqual(await one.data());
    expect(treeTensors(restored.state.optimizer)).toHaveLength(2);
    expect(() => restoreTraining(bytes, { model: model(start(), start()), optimizer })).toThrow(
      /tied.nested.0.b: saved "a"/,
    );
  },
);

test("two parameters with one gradient are two", () => {
  const [a, b, x] = [start(), start(), start()];
  const { grads } = valueAndGrad({ a, b }, () => mean(mul(add(a, b), x)));
  expect(treeTensors(grads)).toHaveLength(2);
  expect(treeTensors(clipGradNorm(grads, 1).grads)).toHaveLength(2);
});

test("a model of tied weights is saved once and comes back tied", async () => {
  const stack = { vocab: 8, dim: 8, layers: 1, heads: 2, branches: [{ segment: 4, dilation: 1 }] };
  const made = createLongNet(device, { encoder: stack, decoder: stack, sharedEmbedding: false });
  const { encoder, decoder } = made.parameters;
  const tied = new LongNet(device, made.config, { encoder: { ...encoder, embedding: decoder.embedding }, decoder });
  const store = memoryStore();
  await writeModel(store, tied);
  const { model: back } = await readModel(device, store, { kind: "longnet" });
  expect(back.parameters.encoder.embedding).toBe(back.parameters.decoder.embedding);
  expect(await back.parameters.decoder.embedding.data()).toEqual(await decoder.embedding.data());
});

const inner = () => ({ parameters: { w: start() }, forward: () => 1 });
class Layer {
  readonly parameters = { w: start() };
}
test.each<[string, () => unknown, RegExp]>([
  ["a module", () => new Layer(), /parameters\.x: a module, Layer.*pass .*parameters\.x\.parameters/s],
  ["a plain module", inner, /parameters\.x: a module.*pass .*parameters\.x\.parameters/s],
  ["a Map", () => new Map([["w", start()]]), /parameters\.x: a Map/],
  ["a number", () => 3, /parameters\.x: 3/],
  ["NaN", () => Number.NaN, /parameters\.x: NaN/],
  ["null", () => null, /parameters\.x: null/],
  ["a typed array", () => new Float32Array(2), /parameters\.x: a Float32Array/],
  ["a function", () => () => 1, /parameters\.x: a function/],
])("%s in the tree is refused by its path", async (_name, value, message) => {
  const parameters = { w: start(), x: value() };
  const loss = () => mean(parameters.w);
  const of = { device, parameters, loss };
  const optimizer = adamW({ lr: 1 });
  const calls: (() => unknown)[] = [
    () => initTraining(of, optimizer),
    () => initTraining(of, sgd({ lr: 1 })),
    () => optimizer.init(parameters),
    () => train(of, batch, { optimizer, steps: 1 }).next(),
  ];
  for (const call of calls) {
    const error = await (async () => call())().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(message);
  }
  expect(() => valueAndGrad(parameters, loss)).toThrow(/params\.x/);
});

test("a tree that holds itself is refused", () => {
  const tree: Record<string, unknown> = { w: start() };
  tree.self = tree;
  expect(() => valueAndGrad(tree, () => mean(tree.w as Tensor))).toThrow(/params\.self: holds itself/);
});

test.each<[string, () => Record<string, Tensor>, new (...given: never[]) => Error, RegExp]>([
  [
    "a view of the same shape",
    () => viewed((w) => reshape(w, [2])),
    ConfigError,
    /parameters\.b lies in .*parameters\.a/,
  ],
  ["a view of another shape", () => viewed((w) => reshape(w, [2, 1])), ConfigError, /reshape it inside the loss/],
  ["what no gradient flows through", () => viewed(stopGradient), ConfigError, /parameters\.b lies in/],
  ["a disposed tensor", () => viewed(() => disposed(start())), DisposedError, /parameters\.b was disposed of/],
  [
    "an integer tensor",
    () => viewed(() => device.zeros([2], { dtype: "i32" })),
    DtypeError,
    /parameters\.b must be f32/,
  ],
  ["an f16 tensor", () => viewed(() => device.zeros([2], { dtype: "f16" })), DtypeError, /parameters\.b must be f32/],
])("%s among the parameters is refused by its path", async (_name, make, Refusal, message) => {
  const parameters = make();
  const of = { device, parameters, loss: () => mean(parameters.a as Tensor) };
  const optimizer = sgd({ lr: 1 });
  for (const call of [
    () => initTraining(of, optimizer),
    () => optimizer.init(parameters),
    () => adamW({ lr: 1 }).init(parameters),
    () => optimizer.update(parameters, parameters, {}, { step: 0 }),
    () => train(of, batch, { optimizer, steps: 1 }).next(),
  ]) {
    const error = await (async () => call())().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Refusal);
    expect((error as Error).message).toMatch(message);
  }
});

function viewed(view: (w: Tensor) => Tensor): Record<string, Tensor> {
  const a = start();
  return { a, b: view(a) };
}

function disposed(tensor: Tensor): Tensor {
  tensor.dispose();
  return tensor;
}
