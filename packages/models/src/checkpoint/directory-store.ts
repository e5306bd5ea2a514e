import { checkFileName } from "./file-names.ts";
import type { ModelStore } from "./store.ts";

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

/** A `FileSystemDirectoryHandle`, as far as {@link directoryStore} uses it. */
export interface DirectoryHandleLike {
  getFileHandle(name: string, options?: { create?: boolean }): Promise<FileHandleLike>;
  removeEntry(name: string): Promise<void>;
  keys(): AsyncIterable<string>;
}

/**
 * A store in a folder that a browser lends: of the page's own (`navigator.storage.getDirectory()`), or one that the user chose (`showDirectoryPicker()`). The
 * browser replaces a file as a whole when its writing is closed.
 *
 * @throws what the browser throws: NotAllowedError without permission, QuotaExceededError when the disk is full.
 */
export function directoryStore(folder: DirectoryHandleLike): ModelStore {
  const fileOf = async (name: string): Promise<FileLike | undefined> => {
    const handle = await orNothing(folder.getFileHandle(checkFileName(name)));
    const file = await handle?.getFile();
    return file && file.size > 0 ? file : undefined; // empty: made for a writing that was cut short
  };
  return {
    read: async (name) => {
      const file = await fileOf(name);
      return file && new Uint8Array(await file.arrayBuffer());
    },
    size: async (name) => (await fileOf(name))?.size,
    write: async (name, bytes) => {
      const handle = await folder.getFileHandle(checkFileName(name), { create: true });
      const writable = await handle.createWritable();
      try {
        await writable.write(bytes as never);
      } catch (error) {
        await writable.abort();
        throw error;
      }
      await writable.close();
    },
    remove: async (name) => {
      await orNothing(folder.removeEntry(checkFileName(name)));
    },
    list: async () => {
      const names: string[] = [];
      for await (const name of folder.keys()) names.push(name);
      return names;
    },
  };
}

async function orNothing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotFoundError") return undefined;
    throw error;
  }
}
