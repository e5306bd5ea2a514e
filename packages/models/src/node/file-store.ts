import { join, resolve } from "node:path";
import { checkCall, field } from "@dilated/core";
import { PATH, readWhole, withFileErrors } from "./atomic.ts";
import { folderStore } from "./folder.ts";

const NAME = "checkpoint.safetensors";

/**
 * Writes the training checkpoint of a folder. An interruption at any moment leaves either the old one or the new one;
 * saves into one folder take turns.
 *
 * @returns the path written.
 * @throws FileError for what the file system refuses, and for a folder that is removed meanwhile.
 */
export async function writeCheckpoint(folder: string, bytes: Uint8Array): Promise<string> {
  checkCall("writeCheckpoint", { folder: PATH, bytes: field.bytes() }, arguments);
  const store = folderStore("writeCheckpoint", folder);
  await store.exclusive?.(() => store.write(NAME, bytes));
  return join(folder, NAME);
}

/**
 * Reads the checkpoint of a folder; undefined when there is none.
 *
 * @throws FileError for what the file system refuses.
 */
export async function readCheckpoint(folder: string): Promise<Uint8Array | undefined> {
  checkCall("readCheckpoint", { folder: PATH }, arguments);
  const path = resolve(folder, NAME);
  return withFileErrors("readCheckpoint", path, () => readWhole("readCheckpoint", path));
}
