import {
  AbortedError,
  ConfigError,
  type Device,
  FormatError,
  readSafetensors,
  treeEntries,
  writeSafetensors,
} from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createModel } from "../factory.ts";
import type { Model, ModelKind, OptionsByKind } from "../registry.ts";
import { readModel, writeModel } from "./model.ts";
import { type ModelStore, memoryStore } from "./store.ts";
import { dyingStore } from "./test-utils/weights.ts";

const stack = { dim: 16, layers: 2, heads: 2, branches: [{ segment: 8, dilation: 1 }] };
const options = {
  "longnet-encoder": { ...stack, vocab: 9, output: "tied", position: "learned", maxPositions: 12, embeddingNorm: true },
  "longnet-decoder": { ...stack, vocab: 9, tied: false, norm: "deep" },
  "longnet-lm": { ...stack, vocab: 9, activation: "swiglu", kvHeads: 1 },
  longnet: {
    encoder: { ...stack, norm: "pre" },
    decoder: { ...stack, vocab: 9, position: "xpos" },
    sharedEmbedding: true,
  },
  "longnet-vit": { ...stack, tileDim: 48, tileSize: 4, grid: 3, gridPosition: "learned" },
} as const satisfies { readonly [K in ModelKind]: OptionsByKind[K] };

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

const make = (kind: ModelKind, seed = 3): Model =>
  createModel(device, { kind, seed, ...options[kind] } as Parameters<typeof createModel>[1]);
const weights = async (model: Model): Promise<unknown> =>
  new Map(
    await Promise.all(
      treeEntries(model.parameters).map(async ([name, tensor]) => [name, await tensor.data()] as const),
    ),
  );
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

it.each(Object.keys(options) as ModelKind[])("%s comes back the same, from one file and from shards", async (kind) => {
  using model = make(kind);
  for (const maxShardBytes of [1e9, 3000]) {
    const store = memoryStore();
    const files = await writeModel(store, model, { maxShardBytes });
    expect(files.length > 3).toBe(maxShardBytes === 3000);
    const progress: number[] = [];
    const { kind: found, model: again } = await readModel(device, store, {
      onProgress: ({ read }) => progress.push(read),
    });
    expect([found, again.config]).toEqual([kind, model.config]);
    expect(await weights(again)).toEqual(await weights(model));
    expect(progress.at(-1)).toBe(maxShardBytes === 3000 ? files.length - 2 : 1);
    again.dispose();
  }
});

it("can change what does not change shapes", async () => {
  using model = make("longnet-lm");
  const store = memoryStore();
  await writeModel(store, model);
  const { model: again } = await readModel(device, store, { kind: "longnet-lm", config: { dropout: 0.5 } });
  expect(again.config).toEqual({ ...model.config, dropout: 0.5 });
  again.dispose();
  await expect(readModel(device, store, { config: { vocab: 8 } })).rejects.toThrow(
    /embedding +is \[9, 16\] +expected \[8, 16\]/,
  );
  await expect(readModel(device, store, { config: { vocap: 8 } })).rejects.toThrow(ConfigError);
  await expect(readModel(device, store, { kind: "longnet-vit" })).rejects.toThrow(
    /of kind "longnet-lm"[\s\S]*expected: longnet-vit/,
  );
});

it("reads weights beside a config.json, too", async () => {
  using model = make("longnet-vit");
  const store = memoryStore();
  const entries = treeEntries(model.parameters);
  const tensors = await Promise.all(
    entries.map(async ([name, t]) => [name, { dtype: t.dtype, shape: t.shape, data: await t.data() }] as const),
  );
  await store.write("model.safetensors", writeSafetensors(tensors));
  await expect(readModel(device, store)).rejects.toThrow(/no config\.json[\s\S]*fromTorchscale/);
  await store.write("config.json", text({ kind: "longnet-vit", ...model.config }));
  const { model: again } = await readModel(device, store);
  expect(await weights(again)).toEqual(await weights(model));
  again.dispose();
});

it("weights and configuration change in one step", async () => {
  using a = make("longnet-lm");
  using b = createModel(device, { kind: "longnet-lm", ...stack, dim: 32, vocab: 9 });
  for (let n = 0; n < 24; n++) {
    const store = memoryStore();
    await writeModel(store, a, { maxShardBytes: 4000 });
    const killed = await writeModel(dyingStore(store, n), b, { maxShardBytes: 10_000 }).then(
      () => false,
      () => true,
    );
    const { model } = await readModel(device, store);
    expect([a.config, b.config]).toContainEqual(model.config);
    expect(await weights(model)).toEqual(await weights("dim" in model.config && model.config.dim === 32 ? b : a));
    model.dispose();
    if (!killed) break;
  }
});

it.each<[string, (store: ModelStore, model: Model) => Promise<void>, RegExp]>([
  [
    "a million layers",
    (store, model) => replace(store, { ...model.config, layers: 1e6 }),
    /tensors: \d+; the configuration needs at least 16000000/,
  ],
  [
    "a width of a million",
    (store, model) => replace(store, { ...model.config, dim: 2 ** 20 }),
    /bytes: \d+; the configuration needs at least/,
  ],
  [
    "a vocabulary of a billion",
    (store, model) => replace(store, { ...model.config, vocab: 1e9 }),
    /too few for their configuration/,
  ],
  ["a width that is text", (store, model) => replace(store, { ...model.config, dim: "16" }), /dim: "16"/],
  ["an unknown field", (store, model) => replace(store, { ...model.config, constructor: 1 }), /constructor/],
  ["a list", (store) => replace(store, []), /not an object/],
  ["an unknown kind", (store, model) => replace(store, model.config, "toString"), /of kind "toString"/],
  [
    "half the layers",
    (store, model) => replace(store, { ...model.config, layers: 1 }),
    /layers\.1\.attention\.query\.weight +unexpected/,
  ],
])("refuses a configuration with %s", async (_, damage, message) => {
  using model = make("longnet-lm");
  const store = memoryStore();
  await writeModel(store, model);
  await damage(store, model);
  const { live } = device.stats();
  const error = await readModel(device, store).catch((caught: unknown) => caught);
  expect(error instanceof FormatError || error instanceof ConfigError).toBe(true);
  expect(String(error)).toMatch(message);
  expect(device.stats().live).toBe(live);
});

it("frees the model when it stops halfway", async () => {
  using model = make("longnet-lm");
  const store = memoryStore();
  await writeModel(store, model, { maxShardBytes: 3000 });
  const { live } = device.stats();
  const stop = new AbortController();
  await expect(readModel(device, store, { signal: stop.signal, onProgress: () => stop.abort() })).rejects.toThrow(
    AbortedError,
  );
  expect(device.stats().live).toBe(live);
});

it("refuses what another version wrote, and to write what it would refuse", async () => {
  using model = make("longnet-lm");
  const store = memoryStore();
  await writeModel(store, model);
  const { tensors } = readSafetensors((await store.read("model.safetensors")) as Uint8Array);
  await store.write("model.safetensors", writeSafetensors(tensors, { format: "dilated-model-9" }));
  await expect(readModel(device, store)).rejects.toThrow(/another version[\s\S]*dilated-model-9/);
  const { parameters } = model;
  const write = (kind: string, config: object): Promise<unknown> =>
    writeModel(memoryStore(), { kind, config, parameters, device } as never);
  const refused = /writeModel: model must be a model of createModel/;
  await expect(write("mine", model.config)).rejects.toThrow(refused);
  await expect(write("longnet-lm", { ...model.config, dropout: Number.NaN })).rejects.toThrow(refused);
});

/** The same weights with another configuration inside. */
async function replace(store: ModelStore, config: unknown, kind = "longnet-lm"): Promise<void> {
  const { tensors } = readSafetensors((await store.read("model.safetensors")) as Uint8Array);
  await store.write(
    "model.safetensors",
    writeSafetensors(tensors, { format: "dilated-model-1", kind, config: JSON.stringify(config) }),
  );
}
