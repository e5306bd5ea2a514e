import type { AbortSignalLike } from "@dilated/core";

/** Waits for `work`, but not past the signal: then rejects with `error()`. What is queued goes on, and nobody hears of its end. */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignalLike | undefined,
  error: () => Error,
): Promise<T> {
  if (!signal) return work;
  work.catch(() => {}); // nobody may be waiting when it fails
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    const fire = () => reject(error());
    signal.addEventListener("abort", fire);
    stop = () => signal.removeEventListener("abort", fire);
    if (signal.aborted) fire();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    stop();
  }
}
