import { expect, it, vi } from "vitest";
import { LEFT } from "./layout.ts";
import { openMemory, retireMemory } from "./memory.ts";
import { ThreadedQueue } from "./threaded-queue.ts";

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it("a closed device does not count its workers as those of the device that has its memory now", async () => {
  const shared = openMemory();
  const words = new Int32Array(shared.memory.buffer);
  const queue = new ThreadedQueue(shared.memory, 2, { progress() {}, lost() {}, kernelName: String });
  await queue.start(shared.memory);
  const store = vi.spyOn(Atomics, "store");
  queue.dispose();
  retireMemory(shared, 2);
  while (Atomics.load(words, LEFT) < 2) await wait(1);
  expect(openMemory().memory).toBe(shared.memory);
  await wait(1_500); // after a second, workers that have not left are ended
  expect(store.mock.calls.filter(([, index]) => index === LEFT)).toEqual([]);
  expect(words[LEFT]).toBe(0);
});
