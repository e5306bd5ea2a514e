/** Told every so often that something slow is still going on: seconds since it began. */
export type Beat = (seconds: number) => void;

/** Waits for `work`, and says so every `everyMs`. */
export async function withHeartbeat<T>(work: Promise<T>, beat: Beat, everyMs = 10_000): Promise<T> {
  const began = performance.now();
  const timer = setInterval(() => beat((performance.now() - began) / 1000), everyMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
