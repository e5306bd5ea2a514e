import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "@dilated/core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { readStateDict } from "../checkpoint/read-weights.ts";
import { weightsOf } from "../checkpoint/test-utils/weights.ts";
import { writeWeights } from "../checkpoint/write-weights.ts";
import { readCheckpoint, writeCheckpoint } from "./file-store.ts";
import { openFolder } from "./folder.ts";
import { bury } from "./test-utils/bury.ts";
import { fate } from "./test-utils/fragile-fs.ts";
import { temporaryFolder } from "./test-utils/temporary.ts";

vi.mock("node:fs/promises", async (original) => (await import("./test-utils/fragile-fs.ts")).fragile(await original()));

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  fate.reset();
  await rm(folder, { recursive: true, force: true });
});

const ONE_FILE = 1e9;
const SHARDS = 32;
const save = (value: number, maxShardBytes: number): Promise<unknown> =>
  writeWeights(openFolder(folder), weightsOf(value), { maxShardBytes });

async function valueIn(): Promise<number | undefined> {
  const state = await readStateDict(openFolder(folder));
  const values = new Set([...state.values()].flatMap(({ data }) => Array.from(data)));
  expect([state.size, values.size]).toEqual([5, 1]);
  return [...values][0];
}

/** How much a save does, in bytes and calls. */
async function costOf(work: () => Promise<unknown>): Promise<number> {
  const much = 1e9;
  fate.reset(much);
  await work();
  const cost = much - fate.left;
  fate.reset();
  return cost;
}

it("100 kills at bytes all over a save: the old weights or the new ones, and the next save goes on and clears up", async () => {
  const kills = 25;
  for (const [before, after] of [
    [SHARDS, SHARDS],
    [SHARDS, ONE_FILE],
    [ONE_FILE, SHARDS],
    [ONE_FILE, ONE_FILE],
  ] as const) {
    await save(1, before);
    const cost = await costOf(() => save(1, after));
    const seen = new Set<number | undefined>();
    for (let kill = 0; kill < kills; kill++) {
      await save(1, before);
      fate.reset(Math.floor((cost * (kill + 0.5)) / kills));
      await expect(save(2, after)).rejects.toThrow("killed");
      fate.reset();
      seen.add(await valueIn());
      await bury(folder);
      await save(3, after);
      expect(await valueIn()).toBe(3);
      expect(await readdir(folder)).toHaveLength(after === SHARDS ? 4 : 1);
    }
    expect([...seen].sort()).toEqual(seen.size === 1 ? [1] : [1, 2]);
  }
});

it.each(["ENOSPC", "EROFS"] as const)(
  "%s at whatever byte: a typed error, the old weights, nothing left beside them, and the next save goes on",
  async (code) => {
    for (const [before, after] of [
      [SHARDS, SHARDS],
      [ONE_FILE, SHARDS],
      [ONE_FILE, ONE_FILE],
    ] as const) {
      await save(1, before);
      await save(1, after);
      const cost = await costOf(() => save(1, before));
      for (let failure = 0; failure < 12; failure++) {
        await save(1, before);
        const there = (await readdir(folder)).sort();
        fate.reset(Math.floor((cost * failure) / 12), code);
        const error: unknown = await save(2, after).catch((thrown: unknown) => thrown);
        fate.reset();
        if (error instanceof Error) {
          expect(error).toBeInstanceOf(FileError);
          expect(error).toMatchObject({ code: "FILE", cause: { code } });
        }
        if (code === "EROFS") await bury(folder); // its turn could not be removed
        if ((await valueIn()) === 1 && code === "ENOSPC") expect((await readdir(folder)).sort()).toEqual(there);
        else expect([1, 2]).toContain(await valueIn());
      }
    }
  },
);

it("a training checkpoint that a kill or a full disk cut short is the one before", async () => {
  const bytes = (value: number) => new Uint8Array(100).fill(value);
  await writeCheckpoint(folder, bytes(1));
  const cost = await costOf(() => writeCheckpoint(folder, bytes(1)));
  for (const then of ["killed", "ENOSPC", "EROFS"] as const) {
    for (let n = 0; n < cost; n += 9) {
      fate.reset(n, then);
      await writeCheckpoint(folder, bytes(2)).catch((error: unknown) => {
        if (then !== "killed") expect(error).toBeInstanceOf(FileError);
      });
      fate.reset();
      await bury(folder);
      expect([bytes(1), bytes(2)]).toContainEqual(await readCheckpoint(folder));
      await writeCheckpoint(folder, bytes(1));
      expect(await readFile(join(folder, "checkpoint.safetensors"))).toEqual(Buffer.from(bytes(1)));
      expect(await readdir(folder)).toHaveLength(1);
    }
  }
});
