import { AsyncLocalStorage } from "node:async_hooks";
import type { Inside } from "./inside.ts";

/** Follows work through what it awaits. */
export function trackInside<T extends object>(): Inside<T> {
  const storage = new AsyncLocalStorage<T>();
  return { run: (value, work) => storage.run(value, work), current: () => storage.getStore() };
}
