import { AbortedError, type AbortSignalLike } from "@dilated/core";

/** When to stop. */
export interface Deadline {
  readonly ended: boolean;
  readonly elapsedMs: number;
  /** @throws AbortedError when the caller's signal fired */
  check(): void;
  /** Waits for `work`, but not past the end; false when that came first. */
  within(work: Promise<unknown>): Promise<boolean>;
}

/** @param budgetMs - milliseconds from now; Infinity for no end */
export function startDeadline(budgetMs: number, signal: AbortSignalLike | undefined): Deadline {
  const started = performance.now();
  const elapsed = () => performance.now() - started;
  let over = false; // timers may fire a moment early, and the end is the end
  const check = () => {
    if (!signal?.aborted) return;
    throw new AbortedError(`tune: stopped after ${Math.round(elapsed())} ms`, {
      fix: "what was found before stays chosen; call tune again for the rest",
      cause: signal.reason,
    });
  };
  return {
    get ended() {
      return over || elapsed() >= budgetMs;
    },
    get elapsedMs() {
      return elapsed();
    },
    check,
    async within(work) {
      check();
      let stop: () => void = () => {};
      const end = new Promise<false>((resolve) => {
        const left = budgetMs - elapsed();
        // Longer than a timer can wait is as good as never.
        const end = () => {
          over = true;
          resolve(false);
        };
        const timer = left < 2 ** 31 ? setTimeout(end, Math.max(0, left)) : undefined;
        const aborted = () => resolve(false);
        signal?.addEventListener("abort", aborted);
        stop = () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", aborted);
        };
      });
      try {
        const done = await Promise.race([work.then(() => true), end]);
        check();
        return done;
      } finally {
        stop();
      }
    },
  };
}
