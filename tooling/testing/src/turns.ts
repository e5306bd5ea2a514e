import { vi } from "vitest";

/**
 * Every look at the clock finds it 20 ms later, so that whatever may pause does. `vi.restoreAllMocks` puts the clock
 * right.
 */
export function hurryClock(): void {
  let now = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => {
    now += 20;
    return now;
  });
}

/** Runs `work`, which is told how many turns the event loop has had since it began, and gives their number. In Node. */
export async function turnsDuring(work: (turns: () => number) => Promise<unknown>): Promise<number> {
  let turns = 0;
  const count = (): void => {
    turns += 1;
    handle = setImmediate(count);
  };
  let handle = setImmediate(count);
  await work(() => turns);
  clearImmediate(handle);
  return turns;
}
