import { describe, expect, test } from "vitest";
import { OutOfMemoryError } from "../errors/index.ts";
import { type Block, Pool, type PoolOptions } from "./pool.ts";

const MiB = 2 ** 20;

function poolOf(options: Partial<PoolOptions> = {}): { pool: Pool; made: number[]; destroyed: Block[] } {
  const made: number[] = [];
  const destroyed: Block[] = [];
  const create = (bytes: number): { handle: GPUBuffer } => {
    made.push(bytes);
    return { handle: { size: bytes } as GPUBuffer };
  };
  const pool = new Pool({
    budget: Number.POSITIVE_INFINITY,
    maxBlock: 4096 * MiB,
    create,
    destroy: (block) => destroyed.push(block),
    ...options,
  });
  return { pool, made, destroyed };
}

describe("reuse", () => {
  test("a released block serves the next tensor of its class", () => {
    const { pool, made } = poolOf();
    const a = pool.allocate(1000);
    pool.release(a);
    expect(pool.pooledBytes).toBe(1024);
    expect(pool.allocate(1010)).toBe(a);
    expect(pool.pooledBytes).toBe(0);
    expect(made).toEqual([1024]);
  });

  test("a large block also serves one that is a little smaller, and no other", () => {
    const { pool } = poolOf();
    const a = pool.allocate(100 * MiB);
    pool.release(a);
    expect(pool.allocate(80 * MiB)).not.toBe(a);
    expect(pool.allocate(95 * MiB)).toBe(a);
  });

  test("a program that does the same again gets the same blocks, in whichever order it gives them back", () => {
    const { pool } = poolOf();
    const idsOf = (order: readonly number[]) => {
      const blocks = [1000, 1000, 300, 1000, 2 * MiB, 2.1 * MiB].map((bytes) => pool.allocate(bytes));
      for (const i of order) pool.release(blocks[i] as Block);
      return blocks.map(({ id }) => id);
    };
    const first = idsOf([0, 1, 2, 3, 4, 5]);
    for (const order of [
      [5, 4, 3, 2, 1, 0],
      [1, 3, 0, 5, 2, 4],
    ])
      expect(idsOf(order)).toEqual(first);
    expect(idsOf([0, 1, 2, 3, 4, 5])).toEqual(first);
  });

  test("of blocks that are a little larger the first is taken, too", () => {
    const { pool } = poolOf();
    const [a, b] = [pool.allocate(100 * MiB), pool.allocate(100 * MiB)];
    pool.release(b);
    pool.release(a);
    expect(pool.allocate(95 * MiB)).toBe(a);
  });

  test("a trimmed block is not handed out again", () => {
    const { pool, destroyed } = poolOf();
    const blocks = [1, 2, 3, 4].map(() => pool.allocate(MiB));
    for (const i of [2, 0, 3, 1]) pool.release(blocks[i] as Block);
    pool.trim(2 * MiB); // the two that came back first
    expect(destroyed).toEqual([blocks[2], blocks[0]]);
    expect([pool.allocate(MiB), pool.allocate(MiB)]).toEqual([blocks[1], blocks[3]]);
  });

  test("a second release does nothing", () => {
    const { pool } = poolOf();
    const a = pool.allocate(1024);
    pool.release(a);
    pool.release(a);
    expect(pool.pooledBytes).toBe(1024);
  });
});

describe("limits", () => {
  test("over the budget is a typed error with the numbers, after the pool was emptied", () => {
    const { pool, destroyed } = poolOf({ budget: 10 * MiB });
    const idle = pool.allocate(4 * MiB);
    const live = pool.allocate(4 * MiB);
    pool.release(idle);
    pool.allocate(5 * MiB);
    expect(destroyed).toEqual([idle]);
    expect(() => pool.allocate(2 * MiB)).toThrow(OutOfMemoryError);
    expect(() => pool.allocate(2 * MiB)).toThrow(
      /asked for: 2097152 bytes[\s\S]*live: 9437184 bytes[\s\S]*budget: 10485760 bytes[\s\S]*would fit: 1048576/,
    );
    pool.release(live);
    expect(() => pool.allocate(2 * MiB)).not.toThrow();
  });

  test("rounding up does not break a budget", () => {
    const { pool, made } = poolOf({ budget: 1040 });
    pool.allocate(1040);
    expect(made).toEqual([1040]);
  });

  test("poolBytes caps what is kept, oldest out first", () => {
    const { pool, destroyed } = poolOf({ poolBytes: 2 * MiB });
    const blocks = [1, 2, 3].map(() => pool.allocate(MiB));
    for (const block of blocks) pool.release(block);
    expect(pool.pooledBytes).toBe(2 * MiB);
    expect(destroyed).toEqual([blocks[0]]);
  });

  test("without poolBytes, all memory together stays under 1.25 times the most that was live", () => {
    const { pool } = poolOf();
    const blocks = Array.from({ length: 10 }, () => pool.allocate(100 * MiB));
    for (const block of blocks) pool.release(block);
    expect(pool.pooledBytes).toBe(1000 * MiB);
    for (let i = 0; i < 9; i++) pool.allocate(64 * MiB);
    expect(pool.liveBytes + pool.pooledBytes).toBeLessThanOrEqual(1250 * MiB);
  });

  test("trim keeps at most what it is told", () => {
    const { pool, destroyed } = poolOf();
    for (const block of [1, 2, 4].map((n) => pool.allocate(n * MiB))) pool.release(block);
    pool.trim(4 * MiB);
    expect(pool.pooledBytes).toBe(4 * MiB);
    pool.trim(0);
    expect(destroyed).toHaveLength(3);
  });

  test("dispose destroys live blocks too", () => {
    const { pool, destroyed } = poolOf();
    pool.allocate(1024);
    pool.release(pool.allocate(2048));
    pool.dispose();
    expect(destroyed).toHaveLength(2);
  });
});
