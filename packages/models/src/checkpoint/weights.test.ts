import { AbortedError, FormatError, writeSafetensors } from "@dilated/core";
import { describe, expect, it } from "vitest";
import { stateDict } from "../pth/test-utils/write-pth.ts";
import { openWeights, readStateDict } from "./read-weights.ts";
import { type ModelStore, memoryStore } from "./store.ts";
import { dyingStore, weightsOf } from "./test-utils/weights.ts";
import { writeWeights } from "./write-weights.ts";

const INDEX = "model.safetensors.index.json";
const text = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const json = async (store: ModelStore, name: string): Promise<unknown> =>
  JSON.parse(new TextDecoder().decode(await store.read(name)));
const names = (...i: number[]): string[] => i.map((n) => `layer.${n}`);
const sharded = { maxShardBytes: 32 };

/** The number that all weights are. */
async function valueIn(store: ModelStore): Promise<number | undefined> {
  const state = await readStateDict(store);
  const values = new Set([...state.values()].flatMap(({ data }) => Array.from(data)));
  expect(values.size).toBe(1);
  expect([...state.keys()].sort()).toEqual(names(0, 1, 2, 3, 4));
  return [...values][0];
}

describe("writing", () => {
  it("makes one file of what fits, and shards with an index of what does not", async () => {
    expect(await writeWeights(memoryStore(), weightsOf(1))).toEqual(["model.safetensors"]);
    const store = memoryStore();
    expect(await writeWeights(store, weightsOf(2), { ...sharded, metadata: { note: "x" } })).toEqual([
      "model-00001-of-00003.safetensors",
      "model-00002-of-00003.safetensors",
      "model-00003-of-00003.safetensors",
      INDEX,
    ]);
    expect((await store.list()).includes("model.safetensors")).toBe(false);
    expect(await json(store, INDEX)).toEqual({
      metadata: { total_size: 80, note: "x" },
      weight_map: {
        "layer.0": "model-00001-of-00003.safetensors",
        "layer.1": "model-00001-of-00003.safetensors",
        "layer.2": "model-00002-of-00003.safetensors",
        "layer.3": "model-00002-of-00003.safetensors",
        "layer.4": "model-00003-of-00003.safetensors",
      },
    });
    expect(await valueIn(store)).toBe(2);
  });

  it("gives a tensor that is too large a file of its own", async () => {
    expect(await writeWeights(memoryStore(), weightsOf(1, 3), { maxShardBytes: 1 })).toHaveLength(4);
    await expect(writeWeights(memoryStore(), [])).rejects.toThrow(/no tensors/);
  });

  it("replaces each form by each, and leaves no old file", async () => {
    const store = memoryStore();
    for (const [value, bytes, files] of [
      [1, 32, 4],
      [2, 32, 4],
      [3, 48, 3],
      [4, 1e9, 1],
      [5, 32, 4],
      [6, 1e9, 1],
      [7, 1e9, 1],
    ] as const) {
      await writeWeights(store, weightsOf(value), { maxShardBytes: bytes });
      expect(await valueIn(store)).toBe(value);
      expect(await store.list()).toHaveLength(files);
    }
  });

  it("holds one shard in memory at a time", async () => {
    let live = 0;
    const tensors = weightsOf(1, 6).map(
      ([name, tensor]) =>
        [
          name,
          {
            ...tensor,
            data: () => {
              live += 1;
              return tensor.data();
            },
          },
        ] as const,
    );
    const store = memoryStore();
    const seen: number[] = [];
    const write: ModelStore["write"] = async (name, bytes) => {
      seen.push(live);
      live = 0;
      await store.write(name, bytes);
    };
    await writeWeights({ ...store, write }, tensors, sharded);
    expect(seen).toEqual([2, 2, 2, 0]);
  });

  it("tells how far it is, and stops between files, leaving the previous checkpoint and nothing else", async () => {
    const store = memoryStore();
    await writeWeights(store, weightsOf(1), sharded);
    const before = await store.list();
    const stop = new AbortController();
    const progress: unknown[] = [];
    const onProgress = (step: { written: number }): void => {
      progress.push(step);
      if (step.written === 2) stop.abort();
    };
    await expect(writeWeights(store, weightsOf(2), { ...sharded, signal: stop.signal, onProgress })).rejects.toThrow(
      AbortedError,
    );
    expect(progress[1]).toEqual({
      file: expect.stringMatching(/^model-g\d+-00002-of-00003\.safetensors$/),
      files: 3,
      written: 2,
    });
    expect(await store.list()).toEqual(before);
    expect(await valueIn(store)).toBe(1);
  });

  it("refuses a name that is given twice", async () => {
    await expect(writeWeights(memoryStore(), [...weightsOf(1), ...weightsOf(2)])).rejects.toThrow(
      /"layer\.0" is given twice/,
    );
  });

  describe.each([
    ["shards by shards", 32, 32],
    ["shards by one file", 32, 1e9],
    ["one file by shards", 1e9, 32],
    ["one file by one file", 1e9, 1e9],
  ])("replacing %s", (_, before, after) => {
    it.each(Array.from({ length: 14 }, (__, n) => n))(
      "killed at change %i, leaves the old weights or the new ones",
      async (n) => {
        const store = memoryStore();
        await writeWeights(store, weightsOf(1), { maxShardBytes: before });
        const killed = await writeWeights(dyingStore(store, n), weightsOf(2), { maxShardBytes: after }).then(
          () => false,
          () => true,
        );
        const value = await valueIn(store);
        expect(killed ? [1, 2] : [2]).toContain(value);
        if (n === 0) expect(value).toBe(1);
        // And what was left behind is gone with the next checkpoint.
        await writeWeights(store, weightsOf(3), { maxShardBytes: after });
        expect(await valueIn(store)).toBe(3);
        expect(await store.list()).toHaveLength(after === 32 ? 4 : 1);
      },
    );
  });
});

describe("reading", () => {
  it("reads shards one by one, in order, and stops when told", async () => {
    const store = memoryStore();
    await writeWeights(store, weightsOf(1), sharded);
    const stop = new AbortController();
    const weights = await openWeights(store, { signal: stop.signal });
    expect(weights).toMatchObject({ tensors: 5, metadata: { total_size: 80 } });
    const shards = weights.shards();
    expect([...((await shards.next()).value?.tensors.keys() ?? [])]).toEqual(names(0, 1));
    stop.abort();
    await expect(shards.next()).rejects.toThrow(AbortedError);
  });

  it("reads what PyTorch's libraries write", async () => {
    const [a, b] = ["a", "b"].map((name) => stateDict([[name, { shape: [2], data: [1, 2] }]], "model"));
    const index = {
      metadata: { total_size: 16.0 },
      weight_map: { a: "pytorch_model-00001-of-00002.bin", b: "pytorch_model-00002-of-00002.bin" },
    };
    const store = memoryStore([
      ["pytorch_model.bin.index.json", text(index)],
      ["pytorch_model-00001-of-00002.bin", a as Uint8Array],
      ["pytorch_model-00002-of-00002.bin", b as Uint8Array],
    ]);
    expect(await readStateDict(store)).toEqual(
      new Map(["a", "b"].map((name) => [name, { dtype: "f32", shape: [2], data: Float32Array.of(1, 2) }])),
    );
    expect((await readStateDict(memoryStore([["pytorch_model.bin", a as Uint8Array]]))).has("a")).toBe(true);
  });

  it.each<[string, (store: ModelStore) => Promise<void>, RegExp]>([
    ["no weights", (store) => store.remove(INDEX), /no weights[\s\S]*looked for/],
    [
      "a shard that is missing",
      (store) => store.remove("model-00002-of-00003.safetensors"),
      /shard model-00002-of-00003\.safetensors is missing/,
    ],
    [
      "a shard that is damaged",
      (store) => store.write("model-00002-of-00003.safetensors", text("{}")),
      /cannot be read[\s\S]*readSafetensors/,
    ],
    [
      "a tensor that is not there",
      (store) => edit(store, (map) => ({ ...map, ghost: map["layer.0"] })),
      /ghost: missing/,
    ],
    [
      "a tensor of another shard",
      (store) => edit(store, (map) => ({ ...map, "layer.4": map["layer.0"] })),
      /layer\.4: missing/,
    ],
    [
      "a tensor that the index does not name",
      (store) => edit(store, ({ "layer.0": _, ...map }) => map),
      /layer\.0: not of this shard/,
    ],
    [
      "a tensor in two shards",
      async (store) => {
        await store.write("model-00003-of-00003.safetensors", writeSafetensors({ "layer.4": one, "layer.0": one }));
      },
      /layer\.0: not of this shard/,
    ],
    [
      "a name that occurs twice",
      (store) => store.write(INDEX, text('{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}')),
      /"a" twice/,
    ],
    ["no JSON", (store) => store.write(INDEX, text("{")), /not JSON/],
    ["an index without end", (store) => store.write(INDEX, new Uint8Array(2 ** 25 + 1).fill(0x20)), /at most 33554432/],
    ["no UTF-8", (store) => store.write(INDEX, Uint8Array.of(0x7b, 0xff)), /not UTF-8/],
    ["a list", (store) => store.write(INDEX, text("[]")), /no weight_map/],
    ["no tensors", (store) => store.write(INDEX, text({ weight_map: {} })), /names no tensors/],
    [
      "metadata that is text",
      (store) => store.write(INDEX, text({ metadata: "x", weight_map: { a: "b" } })),
      /metadata is not an object/,
    ],
    ["a shard that is a number", (store) => store.write(INDEX, text({ weight_map: { a: 3 } })), /"a" is not in a file/],
    ...[
      "../x.safetensors",
      "/etc/passwd",
      "a/b.safetensors",
      "..\\x",
      "C:x",
      "..",
      ".",
      "",
      "a\0b",
      "https://x/y",
      "x".repeat(201),
    ].map((path): [string, (store: ModelStore) => Promise<void>, RegExp] => [
      `a shard at ${JSON.stringify(path.slice(0, 20))}`,
      (store) => store.write(INDEX, text({ weight_map: { a: path } })),
      /not the name of a file in the same folder/,
    ]),
  ])("refuses %s", async (_, damage, message) => {
    const store = memoryStore();
    await writeWeights(store, weightsOf(1), sharded);
    await damage(store);
    const error = await readStateDict(store).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(message);
  });
});

const one = { dtype: "f32", shape: [2, 2], data: new Float32Array(4) } as const;

async function edit(
  store: ModelStore,
  change: (map: Record<string, string>) => Record<string, unknown>,
): Promise<void> {
  const index = (await json(store, INDEX)) as { weight_map: Record<string, string> };
  await store.write(INDEX, text({ ...index, weight_map: change(index.weight_map) }));
}
