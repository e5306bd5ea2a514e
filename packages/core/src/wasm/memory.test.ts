import { expect, it } from "vitest";
import { LEFT, TRAP } from "./layout.ts";
import { openMemory, retireMemory } from "./memory.ts";

it("the memory of a closed device is the next device's, once its workers have left", () => {
  const first = openMemory();
  const words = new Int32Array(first.memory.buffer);
  words[TRAP] = 2;
  retireMemory(first, 2);
  Atomics.store(words, LEFT, 1);
  const second = openMemory();
  expect(second.memory).not.toBe(first.memory);
  Atomics.store(words, LEFT, 2);
  const third = openMemory();
  expect(third.memory).toBe(first.memory);
  expect([words[LEFT], words[TRAP]]).toEqual([0, 0]);
  expect(openMemory().memory).not.toBe(first.memory); // given out once
});
