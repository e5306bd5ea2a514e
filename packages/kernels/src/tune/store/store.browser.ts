import { checkCall } from "@dilated/core";
import { STORE_CALLS, type TuningStore } from "./store.ts";

const TABLE = "tuning";

/**
 * A table in an IndexedDB database of this origin, opened when it is first used.
 *
 * @param where - the database's name. @defaultValue "dilated"
 */
export function tuningStore(where = "dilated"): TuningStore {
  checkCall("tuningStore", STORE_CALLS.open, arguments);
  const within = async <R>(mode: IDBTransactionMode, work: (table: IDBObjectStore) => IDBRequest<R>): Promise<R> => {
    const database = await open(where);
    try {
      const transaction = database.transaction(TABLE, mode);
      const done = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
      });
      const [result] = await Promise.all([settled(work(transaction.objectStore(TABLE))), done]);
      return result;
    } finally {
      database.close();
    }
  };
  return {
    where: `IndexedDB ${where}`,
    async read(id) {
      checkCall("tuningStore: read", STORE_CALLS.read, arguments);
      const text: unknown = await within("readonly", (table) => table.get(id));
      return text === undefined ? undefined : String(text);
    },
    async write(id, text) {
      checkCall("tuningStore: write", STORE_CALLS.write, arguments);
      await within("readwrite", (table) => table.put(text, id));
    },
  };
}

function open(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
  return settled(request);
}

function settled<R>(request: IDBRequest<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}
