import { type AbortSignalLike, checkArgument, checkCall, field, type Schema } from "@dilated/core";

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

const NAME = { name: field.string() };
/** What a store's functions take. */
export const FILE_CALLS: Readonly<Record<"read" | "size" | "write" | "remove", Schema>> = {
  read: NAME,
  size: NAME,
  write: { ...NAME, bytes: field.bytes() },
  remove: NAME,
};

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
  const { read, write, remove } = FILE_CALLS;
  for (const file of files) {
    checkArgument("memoryStore", "each of files", field.list(field.any("name, bytes"), 2), file);
    checkCall("memoryStore", write, file);
    held.set(...file);
  }
  return {
    read: async (...given) => {
      checkCall("memoryStore.read", read, given);
      return held.get(given[0]);
    },
    size: async (...given) => {
      checkCall("memoryStore.size", read, given);
      return held.get(given[0])?.length;
    },
    write: async (...given) => {
      checkCall("memoryStore.write", write, given);
      held.set(...given);
    },
    remove: async (...given) => {
      checkCall("memoryStore.remove", remove, given);
      held.delete(given[0]);
    },
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
