import { appendFile, lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DilatedError, FileError, treeEntries } from "@dilated/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkJson } from "../checkpoint/check-json.ts";
import { readStateDict } from "../checkpoint/read-weights.ts";
import { type ModelStore, memoryStore } from "../checkpoint/store.ts";
import { writeWeights } from "../checkpoint/write-weights.ts";
import { writeCheckpoint } from "./file-store.ts";
import { openFolder } from "./folder.ts";
import { openMetrics, readMetrics } from "./metrics.ts";
import { saveModel } from "./model.ts";
import { temporaryFolder } from "./test-utils/temporary.ts";

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Four tensors of one value. */
const weights = (value: number) =>
  Array.from(
    { length: 4 },
    (_, i) => [`w${i}`, { dtype: "f32" as const, shape: [4], data: () => [value, value, value, value] }] as const,
  );
const valuesIn = async (): Promise<number[]> => {
  const state = await readStateDict(openFolder(folder));
  return [...new Set([...state.values()].flatMap(({ data }) => Array.from(data, Number)))];
};

it.each([2 ** 20, 20])(
  "saves into one folder at once, shards of %d bytes, leave the last one whole",
  async (maxShardBytes) => {
    for (let pair = 0; pair < 10; pair++) {
      const saves = [1, 2, 3].map((value) => writeWeights(openFolder(folder), weights(value), { maxShardBytes }));
      await Promise.all(saves);
      expect(await valuesIn()).toEqual([3]);
    }
    expect((await readdir(folder)).filter((name) => name.endsWith(".partial"))).toEqual([]);
  },
);

it("nothing does not replace a checkpoint", async () => {
  await writeWeights(openFolder(folder), weights(1));
  await expect(writeWeights(openFolder(folder), treeEntries({}))).rejects.toThrow(/no tensors/);
  await expect(saveModel(folder, {} as never)).rejects.toThrow(DilatedError);
  expect(await valuesIn()).toEqual([1]);
});

it("an index of PyTorch's shards that is there does not win over what is saved", async () => {
  await writeFile(
    join(folder, "pytorch_model.bin.index.json"),
    JSON.stringify({ weight_map: { w0: "pytorch_model-1.bin" } }),
  );
  for (const value of [1, 2]) {
    await writeWeights(openFolder(folder), weights(value));
    expect(await valuesIn()).toEqual([value]);
  }
});

it("a link under the name of the file beside is not followed", async () => {
  const victim = join(folder, "victim");
  await writeFile(victim, "mine");
  await symlink(victim, join(folder, "checkpoint.safetensors.partial"));
  const path = await writeCheckpoint(folder, Uint8Array.of(1));
  expect(await readFile(victim, "utf8")).toBe("mine");
  expect((await lstat(path)).isSymbolicLink()).toBe(false);
});

it("a save that fails says why, and takes its partial file away", async () => {
  await mkdir(join(folder, "checkpoint.safetensors", "in the way"), { recursive: true });
  const error: unknown = await writeCheckpoint(folder, Uint8Array.of(1)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FileError);
  expect(await readdir(folder)).toEqual(["checkpoint.safetensors"]);
});

it.each([0, 1, 2, 3, 4])(
  "a folder that is removed before file %i of a save rejects, and is not made anew",
  async (n) => {
    const store = openFolder(folder);
    let file = 0;
    const write: ModelStore["write"] = async (name, bytes) => {
      if (file++ === n) await rm(folder, { recursive: true, force: true });
      return store.write(name, bytes);
    };
    const saving = writeWeights({ ...store, write }, weights(1), { maxShardBytes: 20 });
    await expect(saving).rejects.toThrow(FileError);
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
    await writeWeights(store, weights(2));
    expect(await valuesIn()).toEqual([2]);
  },
);

describe("what JSON does not give back is refused by its path", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  it.each<[unknown, RegExp]>([
    [{ a: [1, Number.NaN] }, /note\.a\[1\]: NaN/],
    [{ f: () => 1 }, /note\.f/],
    [Symbol("s"), /note: Symbol/],
    [1n, /note: 1/],
    [new Date(0), /note: a Date/],
    [[undefined], /note\[0\]: undefined/],
    [cycle, /note\.self: holds itself/],
  ])("%s", (value, message) => {
    expect(() => checkJson("f", "note", value)).toThrow(message);
  });
  it("and what it does is not", () => {
    expect(() => checkJson("f", "note", { a: [1, "b", null, { c: true, d: undefined }] })).not.toThrow();
  });
});

it("a log of steps survives lines that were cut short or joined", async () => {
  const path = join(folder, "log");
  const line = (step: number) => JSON.stringify({ step, steps: 9, time: "", loss: 1 });
  await writeFile(path, `${line(1)}\n${line(2).slice(0, 20)}${line(3)}\n${line(4).slice(0, 9)}\n\n${line(5)}\n`);
  await appendFile(path, line(6).slice(0, 12));
  expect((await readMetrics(path)).map(({ step }) => step)).toEqual([1, 3, 5]);
  const log = await openMetrics(path, { after: 3 });
  await log.close();
  expect((await readMetrics(path)).map(({ step }) => step)).toEqual([1, 3]);
  await writeFile(path, "something else\n");
  await expect(readMetrics(path)).rejects.toThrow(/line 1/);
});

it("two writers of one store in memory take turns", async () => {
  const store = memoryStore();
  await Promise.all([1, 2].map((value) => writeWeights(store, weights(value), { maxShardBytes: 20 })));
  expect([...(await readStateDict(store)).values()].map(({ data }) => data[0])).toEqual([2, 2, 2, 2]);
});
