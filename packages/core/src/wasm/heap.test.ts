import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, it, vi } from "vitest";
import { type Block, Heap, mostOf, sizeClass } from "./heap.ts";

const START = 266_240;
const PAGE = 65_536;
const heapOf = (initial = 64, maximum = 4096) =>
  new Heap(new WebAssembly.Memory({ initial, maximum, shared: true }), START, maximum);

describe("sizeClass", () => {
  property.prop([fc.integer({ min: 1, max: 2 ** 31 })])(
    "is a multiple of 64 that holds the bytes and wastes little",
    (bytes) => {
      const size = sizeClass(bytes);
      expect(size % 64).toBe(0);
      expect(size).toBeGreaterThanOrEqual(bytes);
      expect(size - bytes).toBeLessThan(Math.max(64, bytes / 8 + 1));
      expect(sizeClass(size)).toBe(size);
    },
  );
});

describe("Heap", () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 300_000 }) }) },
    { weight: 4, arbitrary: fc.record({ give: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ trim: fc.nat(100_000) }) },
  );

  property.prop([fc.array(step, { maxLength: 200 })])("never hands out memory twice, and loses none", (steps) => {
    const heap = heapOf();
    const held: Block[] = [];
    for (const change of steps) {
      if ("take" in change) {
        const block = heap.take(change.take);
        if (!block) continue;
        expect(block.address % 64).toBe(0);
        expect(block.address).toBeGreaterThanOrEqual(START);
        for (const other of held)
          expect(block.address >= other.address + other.size || other.address >= block.address + block.size).toBe(true);
        held.push(block);
      } else if ("give" in change) {
        const [block] = held.splice(change.give % Math.max(1, held.length), 1);
        if (block) heap.give(block, 0);
      } else heap.trim(change.trim);
    }
    // What it says would fit does fit, between blocks that are held, too.
    const fits = heap.largest();
    expect(heap.take(fits + PAGE)).toBeUndefined();
    const largest = heap.take(fits);
    expect(largest?.size).toBe(fits);
    held.push(largest as Block);
    for (const block of held) heap.give(block, 0);
    heap.trim(0);
    expect(heap.pooled).toBe(0);
    const most = heap.largest();
    expect(heap.take(most + PAGE)).toBeUndefined();
    const block = heap.take(most);
    expect(block?.size).toBe(most);
    heap.give(block as Block, 0);
    heap.trim(0);
    // Everything merged: the initial memory is one run again.
    expect(heap.take(64 * PAGE - START - PAGE)?.address).toBe(START);
  });

  it("reuses a block of the class at once", () => {
    const heap = heapOf();
    const block = heap.take(1000) as Block;
    heap.give(block, 5);
    expect(heap.pooled).toBe(block.size);
    expect(heap.take(990)).toEqual({ ...block, after: 5 });
    expect(heap.pooled).toBe(0);
  });

  it("keeps blocks that the queue has not passed from the calling thread", () => {
    const heap = heapOf();
    const block = heap.take(1000) as Block;
    heap.give(block, 5);
    expect(heap.take(1000, 4)?.address).not.toBe(block.address);
    expect(heap.take(1000, 5)?.address).toBe(block.address);
  });

  it("grows to the limit, and then says no", () => {
    const heap = heapOf(64, 128);
    const blocks = [];
    for (let block = heap.take(PAGE * 16); block; block = heap.take(PAGE * 16)) blocks.push(block);
    expect(blocks.length).toBe(Math.floor((128 * PAGE - START) / (PAGE * 16)));
    for (const block of blocks) heap.give(block, 0);
    expect(heap.take(PAGE * 100)).toBeDefined(); // the pool gives way
  });

  it("grows by what the last run lacks, and merges what is pooled first: nothing is lost to fragments", () => {
    const heap = heapOf(64, 4096);
    const total = 4096 * PAGE - START - PAGE;
    const first = heap.take(5 * 2 ** 20 + PAGE) as Block; // leaves most of a growth behind it
    const small = heap.take(100) as Block;
    heap.give(first, 0);
    heap.give(small, 0);
    expect(heap.take(total)).toBeDefined();
  });

  it("keeps growth for the calling thread apart from a run that the queue still uses", () => {
    const heap = heapOf();
    const block = heap.take(64 * PAGE - START - PAGE) as Block;
    heap.give(block, 5);
    heap.trim(0);
    const own = heap.take(64 * PAGE, 4) as Block;
    expect(own.address).toBeGreaterThanOrEqual(block.address + block.size);
  });

  it("what it says would fit does, when the system has refused to give more", () => {
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 4096, shared: true });
    const grow = vi.spyOn(memory, "grow").mockImplementation((pages) => {
      if (memory.buffer.byteLength + pages * PAGE > 600 * PAGE) throw new RangeError("no memory");
      return WebAssembly.Memory.prototype.grow.call(memory, pages);
    });
    const heap = new Heap(memory, START, 4096);
    const held = Array.from({ length: 4 }, () => heap.take(100 * PAGE) as Block);
    expect(heap.take(300 * PAGE)).toBeUndefined();
    expect(grow).toHaveBeenCalled();
    heap.give(held[1] as Block, 0);
    expect(heap.largest()).toBeGreaterThanOrEqual(100 * PAGE);
    expect(heap.take(heap.largest())).toBeDefined();
  });

  it("an empty one gives what the limit of a device promises", () => {
    expect(heapOf().take(mostOf(START, 4096))).toBeDefined();
    expect(heapOf().take(mostOf(START, 4096) + 1)).toBeUndefined();
  });

  it("hands out addresses above 2 GiB unharmed", () => {
    const heap = heapOf(64, 65_536);
    const low = heap.take(3 * 2 ** 30);
    const high = heap.take(8 * 2 ** 20); // more than what is left below
    expect(low).toBeDefined();
    expect(high?.address).toBeGreaterThanOrEqual(2 ** 31);
    expect(heap.take(2 ** 30)).toBeUndefined();
  });
});
