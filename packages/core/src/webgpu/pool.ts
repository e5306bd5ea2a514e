import { OutOfMemoryError } from "../errors/index.ts";
import { sizeClass } from "./size-class.ts";
import type { Work } from "./work.ts";

/** One GPU buffer; `id` names it in cache keys. */
export interface Block {
  readonly id: number;
  readonly handle: GPUBuffer;
  readonly capacity: number;
  /** Whether the buffer could be made. */
  readonly made?: Work | undefined;
  /**
   * Set where the user may do anything with the buffer: what uses it is never known to be good, and nobody else gets
   * it.
   */
  exposed?: Work | undefined;
}

export interface PoolOptions {
  /** Bytes that live and pooled buffers may take together. */
  readonly budget: number;
  /** Bytes kept for reuse; left out, the pool follows the program: live and pooled stay under 1.25 times the highest `live` seen. */
  readonly poolBytes?: number | undefined;
  /** Largest buffer of the device. */
  readonly maxBlock: number;
  readonly create: (bytes: number) => Pick<Block, "handle" | "made">;
  readonly destroy: (block: Block) => void;
}

/** What the pool may hold before it looks at how much the program needs. */
const FREE_FOOTPRINT = 256 * 2 ** 20;

/**
 * Hands out buffers and keeps released ones for reuse, least recently used out first. Knows nothing of WebGPU but two callbacks.
 *
 * Of those of one size the one made first is taken, in whichever order they came back: then a program that does the same again, such as a training step,
 * gets the same buffers for the same tensors, and every bind group made for it serves again.
 */
export class Pool {
  readonly #options: PoolOptions;
  /** By capacity; in each the block made first is the last. */
  readonly #classes = new Map<number, Block[]>();
  /** Released blocks, oldest first. */
  readonly #idle = new Set<Block>();
  readonly #live = new Set<Block>();
  #nextId = 1;
  #liveBytes = 0;
  #pooledBytes = 0;
  #highest = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  get pooledBytes(): number {
    return this.#pooledBytes;
  }

  allocate(bytes: number): Block {
    const wanted = Math.min(sizeClass(bytes), this.#options.maxBlock);
    const block = this.#reuse(bytes, wanted) ?? this.#create(bytes, wanted);
    this.#live.add(block);
    this.#liveBytes += block.capacity;
    this.#highest = Math.max(this.#highest, this.#liveBytes);
    this.#shrink();
    return block;
  }

  release(block: Block): void {
    if (!this.#live.delete(block)) return;
    this.#liveBytes -= block.capacity;
    if (block.made?.fault || block.exposed) {
      this.#options.destroy(block);
      return;
    }
    this.#pooledBytes += block.capacity;
    this.#idle.add(block);
    const blocks = this.#classes.get(block.capacity) ?? [];
    blocks.splice(placeOf(blocks, block), 0, block);
    this.#classes.set(block.capacity, blocks);
    this.#shrink();
  }

  /** Destroys released buffers, oldest first, until at most `keepBytes` are pooled. */
  trim(keepBytes: number): void {
    for (const block of this.#idle) {
      if (this.#pooledBytes <= keepBytes) return;
      this.#forget(block);
      this.#options.destroy(block);
    }
  }

  /** Destroys everything, live buffers too. */
  dispose(): void {
    this.trim(0);
    for (const block of this.#live) this.#options.destroy(block);
    this.#live.clear();
    this.#liveBytes = 0;
  }

  #reuse(bytes: number, wanted: number): Block | undefined {
    let best = this.#classes.get(wanted)?.at(-1);
    if (!best && wanted >= 2 ** 20) {
      for (const [capacity, blocks] of this.#classes) {
        if (capacity >= bytes && capacity <= wanted * 1.125 && capacity < (best?.capacity ?? Number.POSITIVE_INFINITY))
          best = blocks.at(-1);
      }
    }
    if (best) this.#forget(best);
    return best;
  }

  #create(bytes: number, wanted: number): Block {
    const { budget, create } = this.#options;
    if (this.#liveBytes + this.#pooledBytes + wanted > budget)
      this.trim(Math.max(0, budget - this.#liveBytes - wanted));
    // Rounding up must not be what breaks a budget.
    const capacity = this.#liveBytes + wanted > budget ? bytes : wanted;
    if (this.#liveBytes + capacity > budget) {
      throw new OutOfMemoryError(`a tensor of ${bytes} bytes does not fit the memory budget`, {
        details: [
          `asked for: ${bytes} bytes`,
          `live: ${this.#liveBytes} bytes`,
          `budget: ${budget} bytes`,
          `would fit: ${Math.max(0, budget - this.#liveBytes)} bytes`,
        ],
        fix: "dispose of tensors (device.scope), use f16, checkpoint, or raise memoryBudget",
      });
    }
    return { id: this.#nextId++, capacity, ...create(capacity) };
  }

  #shrink(): void {
    const { poolBytes } = this.#options;
    const cap = poolBytes ?? Math.max(FREE_FOOTPRINT, 1.25 * this.#highest) - this.#liveBytes;
    if (this.#pooledBytes > cap) this.trim(Math.max(0, cap));
  }

  #forget(block: Block): void {
    this.#idle.delete(block);
    this.#pooledBytes -= block.capacity;
    const blocks = this.#classes.get(block.capacity);
    if (!blocks) return;
    blocks.splice(placeOf(blocks, block), 1);
    if (blocks.length === 0) this.#classes.delete(block.capacity);
  }
}

/** Where a block is, or belongs, among blocks of which the one made first is the last. */
function placeOf(blocks: readonly Block[], { id }: Block): number {
  let [low, high] = [0, blocks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((blocks[middle] as Block).id > id) low = middle + 1;
    else high = middle;
  }
  return low;
}
