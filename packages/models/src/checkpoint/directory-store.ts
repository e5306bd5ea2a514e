import { AbortedError, type AbortSignalLike, checkCall, FileError, show } from "@dilated/core";
import { methods } from "../options/kinds.ts";
import { checkFileName } from "./file-names.ts";
import { FILE_CALLS, inTurn, type ModelStore } from "./store.ts";

interface FileLike {
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

interface FileHandleLike {
  getFile(): Promise<FileLike>;
  createWritable(): Promise<{
    write(bytes: never): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
}

interface LocksLike {
  request<T>(name: string, options: { signal?: AbortSignalLike }, work: () => Promise<T>): Promise<T>;
}

/** A `FileSystemDirectoryHandle`, as far as {@link directoryStore} uses it. */
export interface DirectoryHandleLike {
  readonly name?: string;
  getFileHandle(name: string, options?: { create?: boolean }): Promise<FileHandleLike>;
  removeEntry(name: string): Promise<void>;
  keys(): AsyncIterable<string>;
}

const FOLDER = methods(
  "a directory handle, such as navigator.storage.getDirectory() gives",
  ...["getFileHandle", "removeEntry", "keys"],
);

/**
 * A store in a folder that a browser lends: of the page's own (`navigator.storage.getDirectory()`), or one that the
 * user chose (`showDirectoryPicker()`). The browser replaces a file as a whole when its writing is closed. Saves take
 * turns, those of other pages and workers of the same origin included.
 *
 * @throws FileError, when it is used, whose `cause` is what the browser throws: NotAllowedError without permission,
 * QuotaExceededError when the disk is full.
 */
export function directoryStore(folder: DirectoryHandleLike): ModelStore {
  checkCall("directoryStore", { folder: FOLDER }, arguments);
  const fileOf = async (name: string): Promise<FileLike | undefined> => {
    const handle = await orNothing(folder.getFileHandle(checkFileName("directoryStore", name)));
    const file = await handle?.getFile();
    return file && file.size > 0 ? file : undefined; // empty: made for a writing that was cut short
  };
  const turns = inTurn();
  return {
    read: (...given) =>
      typed("read", given, async ([name]) => {
        const file = await fileOf(name);
        return file && new Uint8Array(await file.arrayBuffer());
      }),
    size: (...given) => typed("size", given, async ([name]) => (await fileOf(name))?.size),
    write: (...given) =>
      typed("write", given, async ([name, bytes]) => {
        const handle = await folder.getFileHandle(checkFileName("directoryStore", name), { create: true });
        const writable = await handle.createWritable();
        try {
          await writable.write(bytes as never);
        } catch (error) {
          await writable.abort();
          throw error;
        }
        await writable.close();
      }),
    remove: (...given) =>
      typed("remove", given, async ([name]) => {
        await orNothing(folder.removeEntry(checkFileName("directoryStore", name)));
      }),
    list: () =>
      typed("list", [], async () => {
        const names: string[] = [];
        for await (const name of folder.keys()) names.push(name);
        return names;
      }),
    exclusive: async (work, signal) => {
      // Folders of one name wait for each other, too: there is no other name for them.
      const locks = (globalThis.navigator as { readonly locks?: LocksLike } | undefined)?.locks;
      if (!locks) return turns(work);
      try {
        return await locks.request(`dilated-saving ${folder.name ?? ""}`, { ...(signal && { signal }) }, work);
      } catch (cause) {
        if (!signal?.aborted || !(cause instanceof DOMException)) throw cause;
        throw new AbortedError("directoryStore: stopped while another page saves", { cause });
      }
    },
  };
}

async function typed<G extends readonly unknown[], T>(
  what: "list" | keyof typeof FILE_CALLS,
  given: G,
  work: (given: G) => Promise<T>,
): Promise<T> {
  checkCall(`directoryStore: ${what}`, what === "list" ? {} : FILE_CALLS[what], given);
  try {
    return await work(given);
  } catch (cause) {
    if (!(cause instanceof DOMException)) throw cause;
    throw new FileError(`directoryStore: ${show(given[0] ?? what)} failed with ${cause.name}`, {
      details: [cause.message],
      fix: cause.name === "QuotaExceededError" ? "free space" : "ask the user for permission, and try again",
      cause,
    });
  }
}

async function orNothing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotFoundError") return undefined;
    throw error;
  }
}
