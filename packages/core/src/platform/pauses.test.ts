import { afterEach, expect, it, vi } from "vitest";
import { eventLoopPauses } from "./event-loop-pauses.ts";

afterEach(() => vi.restoreAllMocks());

it("lets a timer run when the last turn is old enough, and only then", async () => {
  let clock = 0;
  vi.spyOn(performance, "now").mockImplementation(() => clock);
  const pause = eventLoopPauses(16);
  clock = 15;
  expect(pause()).toBeUndefined();
  let served = 0;
  setImmediate(() => {
    served += 1;
  });
  await pause();
  expect(served).toBe(0);
  clock = 16;
  await pause();
  expect(served).toBe(1);
  expect(pause()).toBeUndefined();
  clock = 32;
  expect(pause()).toBeInstanceOf(Promise);
});
