/** Milliseconds of work between two turns of the event loop: a frame at 60 Hz has 16.7, and a turn costs some microseconds. */
export const SLICE_MS = 10;
/** How much longer the next run of items may be than the last one, while nothing is known of what an item costs. */
const GROWTH = 8;

/**
 * How many items a kernel is given at a time, so that a run ends near the end of the slice. Items of one launch cost about the same, but one item may be
 * nanoseconds or milliseconds: the first run is one item, and later ones grow by what was measured.
 */
export function nextRun(run: number, ranMs: number, leftMs: number): number {
  const grown = run * GROWTH;
  return ranMs > 0 ? Math.max(1, Math.min(grown, Math.floor((run * leftMs) / ranMs))) : grown;
}
