import { fc, test as property } from "@fast-check/vitest";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { nextTurn } from "#platform";
import { DisposedError } from "../errors/index.ts";
import { InlineQueue } from "./inline-queue.ts";
import type { Modules } from "./modules.ts";
import type { Command, QueueEvents } from "./queue.ts";

/** A clock that only work moves: nothing here depends on the machine. */
let clock = 0;
beforeEach(() => {
  clock = 0;
  vi.spyOn(performance, "now").mockImplementation(() => clock);
});
afterEach(() => vi.restoreAllMocks());

const events: QueueEvents = { progress: () => {}, lost: () => {}, kernelName: String };

/** A queue whose kernels cost `words[0]` µs an item, and what they did: [kernel, item] in order, and the most milliseconds between two turns. */
function fakeQueue() {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
  const done: [kernel: number, item: number][] = [];
  const state = { calls: 0, longest: 0, turns: 0 };
  let sinceTurn = 0;
  const functionOf = (_module: number, kernel: number) => (params: number, begin: number, end: number) => {
    state.calls += 1;
    for (let item = begin; item < end; item++) done.push([kernel, item]);
    const cost = ((end - begin) * (new Uint32Array(memory.buffer, params, 1)[0] as number)) / 1000;
    clock += cost;
    sinceTurn += cost;
    state.longest = Math.max(state.longest, sinceTurn);
  };
  const queue = new InlineQueue(memory, { functionOf } as unknown as Modules, events);
  let over = false;
  const turn = () => {
    sinceTurn = 0;
    state.turns += 1;
    if (!over) nextTurn(turn); // stands for timers, frames and input
  };
  const launch = (kernel: number, items: number, microseconds: number): Command => {
    return {
      kernel,
      module: 0,
      fn: kernel,
      items,
      words: Uint32Array.of(microseconds),
      params: 0,
      scratch: 0,
      stride: 0,
    };
  };
  const finish = async () => {
    nextTurn(turn);
    await queue.fence();
    over = true;
  };
  return { queue, done, state, launch, finish };
}

const launches = fc.array(
  fc.record({ items: fc.integer({ min: 1, max: 100 }), microseconds: fc.constantFrom(0, 1, 30, 1_000, 20_000) }),
  { minLength: 1, maxLength: 8 },
);

describe("one thread", () => {
  property.prop([launches], { numRuns: 30 })(
    "does every item once, in order, and lets the event loop in",
    async (list) => {
      const { queue, done, state, launch, finish } = fakeQueue();
      for (const [kernel, { items, microseconds }] of list.entries()) queue.push(launch(kernel, items, microseconds));
      await finish();
      expect(done).toEqual(
        list.flatMap(({ items }, kernel) => Array.from({ length: items }, (_, item) => [kernel, item])),
      );
      expect(queue.passed()).toBe(queue.pushed);
      expect(state.longest).toBeLessThanOrEqual(50);
    },
  );

  it("cuts a long launch, and leaves short ones whole but for the first items", async () => {
    const { queue, state, launch, finish } = fakeQueue();
    queue.push(launch(0, 1_000, 1_000)); // 1 s
    await finish();
    expect(state.turns).toBeGreaterThan(50);
    state.calls = 0;
    for (let i = 0; i < 100; i++) queue.push(launch(i, 64, 1));
    await queue.fence();
    expect(state.calls).toBeLessThanOrEqual(300);
  });

  it("begins without anybody reading", async () => {
    const { queue, done, launch } = fakeQueue();
    queue.push(launch(0, 3, 1));
    expect(done).toEqual([]);
    while (queue.passed() < 1) await new Promise<void>((resolve) => nextTurn(resolve));
    expect(done.length).toBe(3);
  });

  it("does the oldest at once when more waits than it keeps", () => {
    const { queue, launch } = fakeQueue();
    for (let i = 0; i < 10_000; i++) queue.push(launch(i, 1, 0));
    expect(queue.pushed - queue.passed()).toBe(8_192);
    queue.catchUp();
    expect(queue.passed()).toBe(10_000);
  });

  it("does host work in its turn, and rejects it when the queue dies", async () => {
    const { queue, done, launch } = fakeQueue();
    queue.push(launch(0, 2, 1));
    const seen = queue.inTurn(() => done.length);
    queue.push(launch(1, 2, 1));
    expect(await seen).toBe(2);
    await expect(
      queue.inTurn(() => {
        throw new RangeError("mine");
      }),
    ).rejects.toThrow("mine");
    const late = queue.inTurn(() => 0);
    queue.dispose();
    await expect(late).rejects.toThrow(DisposedError);
    await expect(queue.fence()).rejects.toThrow(DisposedError);
  });
});
