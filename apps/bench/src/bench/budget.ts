/** Seconds that a whole report may take; tasks that would start behind it are skipped, and say so. */
export interface Budget {
  /** Seconds left. */
  left(): number;
  readonly spent: boolean;
}

/** @param seconds - Infinity for no limit */
export function startBudget(seconds: number): Budget {
  const end = performance.now() + seconds * 1000;
  return {
    left: () => (end - performance.now()) / 1000,
    get spent() {
      return performance.now() >= end;
    },
  };
}
