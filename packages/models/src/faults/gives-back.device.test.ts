import { type Device, DilatedError, FileError } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { type FailingCalls, failingCalls } from "@dilated-internal/testing/failing-calls";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createAttention } from "../attention/create.ts";
import { encodeTraining, restoreTraining } from "../checkpoint/checkpoint.ts";
import { readModel, writeModel } from "../checkpoint/model.ts";
import { type ModelStore, memoryStore } from "../checkpoint/store.ts";
import { createModel, type ModelOptions } from "../factory.ts";
import { initHead } from "../heads/heads.ts";
import { Initializer } from "../layers/parameters.ts";
import { generateBatch } from "../sample/generate-batch.ts";
import { bitsPerByte } from "../text/bits-per-byte.ts";
import { adamW, type Optimizer, sgd } from "../train/optimizer.ts";
import { disposeTraining, initTraining } from "../train/state.ts";
import { reportsOf, text, tinyLM } from "../train/test-utils/tiny.ts";

let device: Device;
let calls: FailingCalls;
beforeAll(async () => {
  device = await openTestDevice({ threads: 1 });
  calls = failingCalls(device);
});
afterAll(() => device.dispose());

/** In Node alone: a page has no environment. */
const everyFault = "process" in globalThis && process.env.DILATED_FAULTS === "all";

/** Long works fail at about so many places, which are no multiple of anything that repeats in them. */
const PLACES = everyFault ? Number.POSITIVE_INFINITY : inject("backend") === "wasm" ? 24 : 8;

/**
 * Whichever call fails, its error comes out, nothing is left that was not there before, and the next try is like the
 * first.
 */
async function checkEvery(work: () => Promise<unknown>): Promise<void> {
  await work(); // tables that a device keeps
  const before = device.stats().byLabel;
  calls.failAt(undefined);
  const whole = await work();
  const { length } = calls.seen;
  expect(device.stats().byLabel).toEqual(before);
  for (let n = 0; n < length; n += 1 + 2 * Math.floor(length / PLACES / 2)) {
    calls.failAt(n);
    const error: unknown = await work().catch((caught: unknown) => caught);
    const outcome = { at: `${calls.seen[n]} ${n} of ${length}`, left: device.stats().byLabel };
    expect(outcome).toEqual({ ...outcome, left: before });
    expect(DilatedError.is(error) ? error.message : error).toMatch("injected");
  }
  calls.failAt(undefined);
  expect(await work()).toEqual(whole);
}

const branches = [
  { segment: 8, dilation: 1 },
  { segment: 16, dilation: 2 },
];
const small = { dim: 16, layers: 1, heads: 2, branches };
const tokens = [1, 2, 3, 4, 5, 6, 7, 8];
const models: ModelOptions[] = [
  { kind: "longnet-lm", ...small, vocab: 16 },
  { kind: "longnet-decoder", ...small, vocab: 16 },
  { kind: "longnet-encoder", ...small, vocab: 16 },
  { kind: "longnet", encoder: { ...small, vocab: 16 }, decoder: { ...small, vocab: 16 } },
  { kind: "longnet-vit", ...small, tileDim: 12 },
];

test.each(models)("create $kind", async (options) => {
  await checkEvery(async () => createModel(device, options).dispose());
});

test("create attention and a head", async () => {
  await checkEvery(async () => createAttention(device, { kind: "dilated", dim: 16, heads: 2, branches }).dispose());
  await checkEvery(async () => {
    const { norm, projection } = initHead(new Initializer(device, 1), { dim: 16, out: 3 });
    for (const p of [norm, projection]) for (const tensor of [p?.weight, p?.bias]) tensor?.dispose();
  });
});

test("forward, held out", async () => {
  using model = createModel(device, { kind: "longnet-lm", ...small, vocab: 16, dropout: 0.1 });
  await checkEvery(async () => {
    using input = device.tensor(tokens, [1, 8], { dtype: "i32" });
    using logits = model.forward(input, { dropoutSeed: 3 });
    return logits.data();
  });
  using lm = tinyLM(device);
  await checkEvery(() => bitsPerByte(lm, text.subarray(0, 40), 16));
});

test.each<[string, Optimizer, object]>([
  ["f32, SGD", sgd({ lr: 0.1, momentum: 0.9 }), { ema: 0.9 }],
  ["mixed precision, AdamW, two micro-batches", adamW({ lr: 1e-2 }), { precision: "mixed", accumulate: 2 }],
])("a step of training: %s", async (_name, optimizer, options) => {
  await checkEvery(async () => {
    using model = tinyLM(device, 0.1);
    const [step] = await reportsOf(model, { steps: 1, keepState: false, optimizer, ...options });
    return [step?.loss, step?.gradNorm];
  });
});

test("generate", async () => {
  using model = createModel(device, { kind: "longnet-lm", ...small, vocab: 16 });
  using seq2seq = createModel(device, models[3] as ModelOptions<"longnet">);
  for (const generating of [model, seq2seq]) {
    await checkEvery(async () => {
      const all: unknown[] = [];
      const options = { count: 2, seed: 1, ...(generating === seq2seq ? { start: [1] } : {}) };
      for await (const drawn of generateBatch(generating as typeof seq2seq, [tokens, [3]], options)) all.push(drawn);
      return all;
    });
  }
});

/** A store of which the n-th operation fails, counted from 0. */
function failingStore(inner: ModelStore, n: number): { readonly store: ModelStore; count: number } {
  const made = { store: inner, count: 0 };
  const failing = (name: keyof ModelStore) =>
    (async (...args: never[]) => {
      if (made.count++ === n) throw new FileError("injected: store");
      return (inner[name] as (...given: never[]) => unknown)(...args);
    }) as never;
  const operations = ["read", "size", "write", "remove", "list"] as const;
  made.store = { ...inner, ...Object.fromEntries(operations.map((name) => [name, failing(name)])) };
  return made;
}

test("whichever operation of a store fails, a save leaves one version, and a load nothing", async () => {
  const [one, two] = [1, 2].map((seed) => createModel(device, { kind: "longnet-lm", ...small, vocab: 16, seed }));
  if (!one || !two) return;
  const first = await one.parameters.embedding.data();
  const second = await two.parameters.embedding.data();
  const saved = memoryStore();
  const options = { maxShardBytes: 4096 };
  await writeModel(saved, one, options);
  const copyOf = async () => {
    const store = memoryStore();
    for (const name of await saved.list()) await store.write(name, (await saved.read(name)) as Uint8Array);
    return store;
  };
  const { live } = device.stats();
  const embeddingOf = async (store: ModelStore) => {
    const { model } = await readModel<"longnet-lm">(device, store);
    const values = await model.parameters.embedding.data();
    model.dispose();
    return values;
  };
  for (let n = 0; ; n++) {
    const store = await copyOf();
    const failing = failingStore(store, n);
    const outcome: unknown = await writeModel(failing.store, two, options).catch((thrown: unknown) => thrown);
    const failed = outcome instanceof FileError;
    if (!failed) expect(outcome).toBeInstanceOf(Array); // the names of the files
    expect(device.stats().live, `save ${n}`).toBe(live);
    if (failing.count <= n) {
      expect(failed).toBe(false);
      break;
    }
    const there = await embeddingOf(store);
    expect([first, second]).toContainEqual(there);
    // What is left over of the old version may fail to go, without harm.
    if (!failed) expect(there).toEqual(second);
  }
  for (let n = 0; ; n++) {
    const failing = failingStore(saved, n);
    const loaded = await readModel<"longnet-lm">(device, failing.store).catch((thrown: unknown) => thrown);
    if (failing.count <= n) {
      (loaded as Awaited<ReturnType<typeof readModel>>).model.dispose();
      break;
    }
    expect(loaded).toBeInstanceOf(FileError);
    expect(device.stats().live, `load ${n}`).toBe(live);
  }
  one.dispose();
  two.dispose();
});

test("save and load", async () => {
  using model = createModel(device, { kind: "longnet-lm", ...small, vocab: 16 });
  const saved = memoryStore();
  await writeModel(saved, model);
  await checkEvery(async () => writeModel(memoryStore(), model));
  await checkEvery(async () => (await readModel(device, saved)).model.dispose());
  const optimizer = adamW({ lr: 1e-2 });
  await checkEvery(async () => {
    const state = initTraining(model, optimizer, { ema: 0.9 });
    try {
      const bytes = await encodeTraining({ model, optimizer, state });
      disposeTraining(restoreTraining(bytes, { model, optimizer }).state);
    } finally {
      disposeTraining(state);
    }
  });
});
