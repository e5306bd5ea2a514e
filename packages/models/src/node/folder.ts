import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { checkFileName } from "../checkpoint/file-names.ts";
import type { ModelStore } from "../checkpoint/store.ts";
import { readWhole, writeFileAtomic } from "./atomic.ts";

/** A folder of model files; it is made with the first file that is written. */
export function openFolder(folder: string): ModelStore {
  const at = (name: string): string => join(folder, checkFileName(name));
  return {
    read: (name) => readWhole(at(name)),
    size: (name) => orNothing(stat(at(name)).then(({ size }) => size)),
    write: async (name, bytes) => {
      await mkdir(folder, { recursive: true });
      await writeFileAtomic(at(name), bytes);
    },
    remove: (name) => rm(at(name), { force: true }),
    list: async () => (await orNothing(readdir(folder))) ?? [],
  };
}

async function orNothing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
