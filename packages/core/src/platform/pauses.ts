import { nextTurn } from "#platform";

/**
 * For long loops on the host: the function that it gives, awaited at each round, lets the event loop run timers, frames and signals when the last
 * time is older than `everyMs`, and costs next to nothing otherwise. What waits on a device needs none of it.
 *
 * @param everyMs - milliseconds
 * @defaultValue everyMs 16: a frame at 60 Hz
 * @example
 * ```ts
 * import { eventLoopPauses } from "@dilated/core";
 * const pause = eventLoopPauses();
 * let sum = 0;
 * for (let i = 0; i < 1e4; i++) {
 *   sum += Math.sqrt(i);
 *   await pause();
 * }
 * ```
 */
export function eventLoopPauses(everyMs = 16): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < everyMs) return undefined;
    return new Promise((resolve) =>
      nextTurn(() => {
        last = performance.now();
        resolve();
      }),
    );
  };
}
