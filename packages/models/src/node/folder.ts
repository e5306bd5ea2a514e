import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type AbortSignalLike, checkCall } from "@dilated/core";
import { checkFileName } from "../checkpoint/file-names.ts";
import { FILE_CALLS, type ModelStore } from "../checkpoint/store.ts";
import { PATH, readWhole, withFileErrors, writeFileAtomic } from "./atomic.ts";
import { TURN, type Turn, takeTurn } from "./turns.ts";

/**
 * A folder of model files; it is made with the first file that is written. A relative path is taken from where the
 * process is now.
 *
 * @throws FormatError, when it is used, for names that lead elsewhere; FileError for what the file system refuses.
 */
export function openFolder(folder: string): ModelStore {
  checkCall("openFolder", { folder: PATH }, arguments);
  return folderStore("openFolder", folder);
}

/** @param caller - for messages */
export function folderStore(caller: string, folder: string): ModelStore {
  const root = resolve(folder);
  let turn: Turn | undefined;
  const guarded = async <T>(
    what: keyof typeof FILE_CALLS,
    given: readonly unknown[],
    work: (path: string) => Promise<T>,
  ): Promise<T> => {
    checkCall(`${caller}: ${what}`, FILE_CALLS[what], given);
    const path = join(root, checkFileName(caller, given[0] as string));
    return withFileErrors(caller, path, () => work(path));
  };
  return {
    read: (...given) => guarded("read", given, (path) => readWhole(caller, path)),
    size: (...given) => guarded("size", given, (path) => orNothing(stat(path).then(({ size }) => size))),
    write: (...given) =>
      guarded("write", given, async (path) => {
        // A folder that is removed while it is saved into is not made anew: what was written before is gone with it.
        if (!turn) await mkdir(root, { recursive: true });
        await writeFileAtomic(path, given[1], turn?.check);
      }),
    remove: (...given) =>
      guarded("remove", given, async (path) => {
        await turn?.check();
        await rm(path, { force: true });
      }),
    list: () =>
      withFileErrors(caller, root, async () =>
        ((await orNothing(readdir(root))) ?? []).filter((name) => !name.startsWith(TURN)),
      ),
    exclusive: (work, signal) =>
      inTurn(root, async () => {
        turn = await withFileErrors(caller, root, () => enter(root, signal));
        try {
          return await work();
        } finally {
          const taken = turn;
          turn = undefined;
          await taken.end();
        }
      }),
  };
}

async function enter(root: string, signal: AbortSignalLike | undefined): Promise<Turn> {
  await mkdir(root, { recursive: true });
  return takeTurn(root, signal);
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

/** Runs `work` when what this process was to do before in this folder is done, however that ended. */
async function inTurn<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const mine = (turns.get(folder) ?? Promise.resolve()).then(work, work);
  turns.set(folder, mine);
  try {
    return await mine;
  } finally {
    if (turns.get(folder) === mine) turns.delete(folder);
  }
}
