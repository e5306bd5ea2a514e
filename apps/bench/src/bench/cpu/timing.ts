/** Milliseconds of one piece of work. */
export interface Timing {
  /** The first run: compilation and warm-up included. */
  readonly first: number;
  readonly median: number;
  readonly best: number;
  readonly runs: number;
}

/**
 * Times `work`, which must wait for its result. The first run is kept apart; then at least five runs, or as many as fit into `budgetMs`
 * (never fewer than two: very long work is not repeated for ever).
 */
export async function timed(work: () => Promise<void>, budgetMs = 3000): Promise<Timing> {
  const once = async () => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const first = await once();
  const times: number[] = [];
  const started = performance.now();
  while (
    times.length < 2 ||
    (times.length < 5 && performance.now() - started < 4 * budgetMs) ||
    performance.now() - started < budgetMs
  ) {
    times.push(await once());
    if (times.length >= 200) break;
  }
  times.sort((a, b) => a - b);
  return {
    first,
    median: times[Math.floor(times.length / 2)] ?? Number.NaN,
    best: times[0] ?? Number.NaN,
    runs: times.length,
  };
}
