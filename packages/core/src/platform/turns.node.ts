import { setImmediate, setTimeout } from "node:timers";

/** Calls back in a later turn of the event loop: timers, signals and other callbacks that are due come first. */
export function nextTurn(callback: () => void): void {
  setImmediate(callback);
}

/** Calls back after `ms`, which the process does not wait for. */
export function after(ms: number, callback: () => void): void {
  setTimeout(callback, ms).unref();
}
