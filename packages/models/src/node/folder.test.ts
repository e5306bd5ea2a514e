import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError } from "@dilated/core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openFolder } from "./folder.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "dilated-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("keeps files, and makes the folder with the first of them", async () => {
  const deep = join(folder, "a", "b");
  const store = openFolder(deep);
  expect([await store.read("x"), await store.size?.("x"), await store.list()]).toEqual([undefined, undefined, []]);
  await store.write("x", Uint8Array.of(1, 2));
  await store.write("x", Uint8Array.of(3));
  expect([await store.read("x"), await store.size?.("x"), await store.list()]).toEqual([Uint8Array.of(3), 1, ["x"]]);
  await store.remove("x");
  await store.remove("x");
  expect(await readdir(deep)).toEqual([]);
});

it("a write that was cut short does not touch the file, and is overwritten by the next", async () => {
  const store = openFolder(folder);
  await store.write("x", Uint8Array.of(1));
  await writeFile(join(folder, "x.partial"), "half of a long file");
  expect(await store.read("x")).toEqual(Uint8Array.of(1));
  await store.write("x", Uint8Array.of(2));
  expect([await store.read("x"), await store.list()]).toEqual([Uint8Array.of(2), ["x"]]);
});

it.each(["../x", "a/b", "..", "", "/etc/passwd"])("never leaves the folder: %j", async (name) => {
  const store = openFolder(folder);
  for (const act of [() => store.read(name), () => store.write(name, new Uint8Array()), () => store.remove(name)]) {
    await expect((async () => act())()).rejects.toThrow(FormatError);
  }
});
