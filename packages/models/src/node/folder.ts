import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { checkFileName } from "../checkpoint/file-names.ts";
import type { ModelStore } from "../checkpoint/store.ts";
import { readWhole, withFileErrors, writeFileAtomic } from "./atomic.ts";

/** A folder of model files; it is made with the first file that is written. */
export function openFolder(folder: string): ModelStore {
  const guarded = async <T>(name: string, work: (path: string) => Promise<T>): Promise<T> => {
    const path = join(folder, checkFileName(name));
    return withFileErrors("openFolder", path, () => work(path));
  };
  return {
    read: (name) => guarded(name, (path) => readWhole(path)),
    size: (name) => guarded(name, (path) => orNothing(stat(path).then(({ size }) => size))),
    write: (name, bytes) =>
      guarded(name, async (path) => {
        await mkdir(folder, { recursive: true });
        await writeFileAtomic(path, bytes);
      }),
    remove: (name) => guarded(name, (path) => rm(path, { force: true })),
    list: () => withFileErrors("openFolder", folder, async () => (await orNothing(readdir(folder))) ?? []),
    exclusive: (work) => inTurn(resolve(folder), work),
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

const turns = new Map<string, Promise<unknown>>();

/** Runs `work` when what was to be done before in this folder is done, however that ended. */
async function inTurn<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const mine = (turns.get(folder) ?? Promise.resolve()).then(work, work);
  turns.set(folder, mine);
  try {
    return await mine;
  } finally {
    if (turns.get(folder) === mine) turns.delete(folder);
  }
}
