import { nextTurn } from "#platform";

/** `eventLoopPauses` without a check of what it is given, for what is part of the check. */
export function pauses(everyMs = 16): () => Promise<void> | undefined {
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
