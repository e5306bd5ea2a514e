import { FileError } from "@dilated/core";
import { describe, expect, it } from "vitest";
import { directoryStore } from "./directory-store.ts";
import { readStateDict } from "./read-weights.ts";
import { weightsOf } from "./test-utils/weights.ts";
import { writeWeights } from "./write-weights.ts";

const inBrowser = typeof navigator === "object" && typeof navigator.storage?.getDirectory === "function";

describe.skipIf(!inBrowser)("a folder of the page's own", () => {
  it("keeps weights, and replaces them", async () => {
    const root = await navigator.storage.getDirectory();
    const name = `weights-${Math.random()}`;
    const folder = await root.getDirectoryHandle(name, { create: true });
    const store = directoryStore(folder);
    expect([await store.read("x"), await store.size?.("x"), await store.list()]).toEqual([undefined, undefined, []]);
    await writeWeights(store, weightsOf(1));
    await writeWeights(store, weightsOf(2), { maxShardBytes: 32 });
    expect([...((await readStateDict(store)).get("layer.4")?.data ?? [])]).toEqual([2, 2, 2, 2]);
    expect((await store.list()).length).toBe(4);
    await folder.getFileHandle("empty", { create: true });
    expect(await store.read("empty")).toBeUndefined();
    await store.remove("empty");
    await store.remove("empty");
    await expect(store.read("../x")).rejects.toThrow(/same folder/);
    // A second handle sees what was written.
    expect((await readStateDict(directoryStore(await root.getDirectoryHandle(name)))).size).toBe(5);
    // Saves take turns, and what the browser refuses is an error of ours.
    const saves = [3, 4, 5].map((value) =>
      writeWeights(directoryStore(folder), weightsOf(value), { maxShardBytes: 32 }),
    );
    await Promise.all(saves);
    expect([...((await readStateDict(store)).get("layer.4")?.data ?? [])]).toEqual([5, 5, 5, 5]);
    expect((await store.list()).filter((file) => file !== "empty").length).toBe(4);
    await root.removeEntry(name, { recursive: true });
    await expect(store.write("x", Uint8Array.of(1))).rejects.toThrow(FileError);
  });
});
