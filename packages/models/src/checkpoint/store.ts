import { type AbortSignalLike, checkArgument, checkCall, field } from "@dilated/core";

/** Where the files of a model are read from: a folder, a web server, a browser's storage. */
export interface ModelSource {
  /** All bytes of a file; undefined where there is none. */
  readonly read: (name: string) => Promise<Uint8Array | undefined>;
  /** Length of a file in bytes, where that can be had without reading it. */
  readonly size?: (name: string) => Promise<number | undefined>;
  /**
   * Runs one piece of work after another, those of other processes included where the store can, so that no two savers
   * write in between each other. `signal` ends the waiting. @defaultValue whoever calls takes care of it
   */
  readonly exclusive?: <T>(work: () => Promise<T>, signal?: AbortSignalLike) => Promise<T>;
}

/** Where the files of a model are kept. */
export interface ModelStore extends ModelSource {
  /** Puts a whole file in place. An interruption at any moment must leave the old file or the new one. */
  readonly write: (name: string, bytes: Uint8Array) => Promise<void>;
  /** Removes a file, where there is one. */
  readonly remove: (name: string) => Promise<void>;
  /** Names of all files, what an interruption left behind included. */
  readonly list: () => Promise<readonly string[]>;
}

const FILES = field.optional(
  field.custom(
    "pairs of a name and bytes",
    (value) => typeof value === "object" && value !== null && Symbol.iterator in value,
  ),
);

/**
 * A store in memory: for tests, and for files that a user dropped on a page.
 *
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createModel, memoryStore, readModel, writeModel } from "@dilated/models";
 * const device = await openDevice();
 * const store = memoryStore();
 * await writeModel(store, createModel(device, { kind: "longnet-lm", preset: "tiny", vocab: 256 }));
 * const { model } = await readModel(device, store);
 * device.dispose();
 * ```
 */
export function memoryStore(files: Iterable<readonly [string, Uint8Array]> = []): ModelStore {
  checkCall("memoryStore", { files: FILES }, arguments);
  const held = new Map<string, Uint8Array>();
  const put = (name: string, bytes: Uint8Array): void => {
    checkArgument("memoryStore", "name", field.string(), name);
    checkArgument("memoryStore", "bytes", field.bytes(), bytes);
    held.set(name, bytes);
  };
  for (const file of files) {
    checkArgument("memoryStore", "each of files", field.list(field.any("name, bytes"), 2), file);
    put(...file);
  }
  return {
    read: async (name) => {
      checkArgument("memoryStore", "name", field.string(), name);
      return held.get(name);
    },
    size: async (name) => held.get(name)?.length,
    write: async (name, bytes) => put(name, bytes),
    remove: async (name) => void held.delete(name),
    list: async () => [...held.keys()],
    exclusive: inTurn(),
  };
}

/** Runs one piece of work after another, however those before ended. */
export function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let turn: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = turn.then(work, work);
    turn = mine.catch(() => undefined);
    return mine;
  };
}
