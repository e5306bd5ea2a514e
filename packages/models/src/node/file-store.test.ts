import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readCheckpoint, writeCheckpoint } from "./file-store.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "dilated-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("reads back what was written, and leaves nothing beside it", async () => {
  const deep = join(folder, "a", "b");
  expect(await readCheckpoint(deep)).toBeUndefined();
  await writeCheckpoint(deep, Uint8Array.from([1, 2, 3]));
  await writeCheckpoint(deep, Uint8Array.from([4, 5]));
  expect(await readCheckpoint(deep)).toEqual(Uint8Array.from([4, 5]));
  expect(await readdir(deep)).toEqual(["checkpoint.safetensors"]);
});

test("a write that was cut short does not touch the checkpoint", async () => {
  await writeCheckpoint(folder, Uint8Array.from([1, 2, 3]));
  await writeFile(join(folder, "checkpoint.safetensors.partial"), "half");
  expect(await readCheckpoint(folder)).toEqual(Uint8Array.from([1, 2, 3]));
  await writeCheckpoint(folder, Uint8Array.from([9]));
  expect(await readCheckpoint(folder)).toEqual(Uint8Array.from([9]));
});
