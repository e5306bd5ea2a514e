/** A piece of the shared memory. */
export interface Block {
  /** Byte address, a multiple of 64, below 2^32. */
  readonly address: number;
  /** Bytes, rounded up to a size class. */
  readonly size: number;
  /** The calling thread may touch the block itself only when the queue has passed this many commands: those may still use what lay here before. */
  readonly after: number;
}

const PAGE = 65_536;
/** The last page stays unused: its end would not be a 32-bit address. */
const LAST = 65_535 * PAGE;
const MIN_GROWTH = 16 * 2 ** 20;

/**
 * Hands out the shared memory. Freed blocks wait in size classes, for the next tensor of that size; what classes cannot serve comes from
 * address-ordered free runs, which merge. WebAssembly memory grows and never shrinks: `trim` turns blocks into runs, it returns nothing to the system.
 *
 * Work happens in queue order, so a freed block can be given to the next command at once. Only when the calling thread itself
 * writes to a block (staging) it must be one that the queue is done with: `take(bytes, passed)`.
 */
export class Heap {
  readonly #memory: WebAssembly.Memory;
  readonly #limit: number;
  readonly #pool = new Map<number, Block[]>();
  #runs: Block[] = [];
  /** The system gave no more when asked last. */
  #refused = false;
  /** Bytes in the size classes. */
  pooled = 0;

  constructor(memory: WebAssembly.Memory, start: number, maximumPages: number) {
    this.#memory = memory;
    this.#limit = limitOf(maximumPages);
    this.#addRun({ address: start, size: memory.buffer.byteLength - start, after: 0 });
  }

  /** Undefined when there is no room. With `passed`, only blocks that the queue has passed. */
  take(bytes: number, passed: number = Number.POSITIVE_INFINITY): Block | undefined {
    const size = sizeClass(bytes);
    const found = this.#fromPool(size, passed) ?? this.#fromRuns(size, passed);
    if (found) return found;
    if (this.pooled > 0) {
      // Merge before growing: growth is for ever. Even a small block may join two long runs.
      this.trim(0);
      const merged = this.#fromRuns(size, passed);
      if (merged) return merged;
    }
    return this.#grow(size, passed);
  }

  /** `after`: how many commands were queued when the block was freed. */
  give({ address, size }: Block, after: number): void {
    const list = this.#pool.get(size);
    const free = { address, size, after };
    if (list) list.push(free);
    else this.#pool.set(size, [free]);
    this.pooled += size;
  }

  /** Merges pooled blocks into free runs until at most `keep` bytes are pooled. */
  trim(keep: number): void {
    if (this.pooled <= keep) return;
    for (const [size, list] of this.#pool) {
      while (this.pooled > keep && list.length > 0) {
        this.pooled -= size;
        this.#addRun(list.pop() as Block);
      }
      if (list.length === 0) this.#pool.delete(size);
    }
  }

  #fromPool(size: number, passed: number): Block | undefined {
    const list = this.#pool.get(size);
    if (!list || list.length === 0) return undefined;
    if (passed === Number.POSITIVE_INFINITY) {
      this.pooled -= size;
      return list.pop();
    }
    if ((list[0] as Block).after > passed) return undefined; // the oldest is first
    this.pooled -= size;
    return list.shift();
  }

  /** Best fit, so that long runs stay long. */
  #fromRuns(size: number, passed: number): Block | undefined {
    let best = -1;
    for (let i = 0; i < this.#runs.length; i++) {
      const run = this.#runs[i] as Block;
      if (run.size < size || run.after > passed) continue;
      if (best < 0 || run.size < (this.#runs[best] as Block).size) best = i;
    }
    if (best < 0) return undefined;
    const { address, size: whole, after } = this.#runs[best] as Block;
    if (whole === size) this.#runs.splice(best, 1);
    else this.#runs[best] = { address: address + size, size: whole - size, after };
    return { address, size, after };
  }

  #grow(size: number, passed: number): Block | undefined {
    const end = this.#memory.buffer.byteLength;
    const last = this.#lastRun();
    const joined = last && last.after <= passed ? last : undefined;
    const lacking = size - (joined?.size ?? 0);
    // New pages cost nothing until they are touched, so growth is generous; but asking for exactly enough is better than failing.
    for (const wanted of [Math.max(lacking, MIN_GROWTH, end / 8), lacking]) {
      const pages = Math.min(Math.ceil(wanted / PAGE), (this.#limit - end) / PAGE);
      if (pages * PAGE < lacking) return undefined;
      try {
        this.#memory.grow(pages);
      } catch {
        this.#refused = true;
        continue;
      }
      this.#refused = false;
      if (joined) this.#runs.pop();
      const { address, after } = joined ?? { address: end, after: 0 };
      this.#addRun({ address: address + size, size: end + pages * PAGE - address - size, after });
      return { address, size, after };
    }
    return undefined;
  }

  /** Bytes of the largest block that `take` would give now. */
  largest(): number {
    this.trim(0);
    const runs = this.#runs.map(({ size }) => size);
    const growth = this.#refused ? 0 : this.#limit - this.#memory.buffer.byteLength;
    return wholeClass(Math.max(growth + (this.#lastRun()?.size ?? 0), ...runs));
  }

  /** The run that growth would lengthen. */
  #lastRun(): Block | undefined {
    const last = this.#runs.at(-1);
    return last && last.address + last.size === this.#memory.buffer.byteLength ? last : undefined;
  }

  #addRun(run: Block): void {
    if (run.size === 0) return;
    let low = 0;
    for (let high = this.#runs.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle] as Block).address < run.address) low = middle + 1;
      else high = middle;
    }
    const before = this.#runs[low - 1];
    const behind = this.#runs[low];
    const joinsBefore = before !== undefined && before.address + before.size === run.address;
    const joinsBehind = behind !== undefined && run.address + run.size === behind.address;
    const merged = [...(joinsBefore ? [before] : []), run, ...(joinsBehind ? [behind] : [])];
    this.#runs.splice(joinsBefore ? low - 1 : low, merged.length - 1, {
      address: (merged[0] as Block).address,
      size: merged.reduce((sum, part) => sum + part.size, 0),
      after: Math.max(...merged.map((part) => part.after)),
    });
  }
}

/** Multiples of 64 up to 1 KiB, eight classes an octave up to 1 MiB, whole pages above. */
export function sizeClass(bytes: number): number {
  if (bytes > 2 ** 20) return Math.ceil(bytes / PAGE) * PAGE;
  const step = bytes <= 1024 ? 64 : 2 ** (Math.ceil(Math.log2(bytes)) - 4);
  return Math.max(64, Math.ceil(bytes / step) * step);
}

/** First byte behind what a memory of so many pages can hand out. */
function limitOf(maximumPages: number): number {
  return Math.min(LAST, maximumPages * PAGE);
}

/** Bytes of the largest block that an empty heap gives once it is full-grown. */
export function mostOf(start: number, maximumPages: number): number {
  return wholeClass(limitOf(maximumPages) - start);
}

/** The largest size class that fits into `bytes`; 0 for none. */
function wholeClass(bytes: number): number {
  if (bytes > 2 ** 20) return Math.floor(bytes / PAGE) * PAGE || 2 ** 20;
  const step = bytes < 2048 ? 64 : 2 ** (Math.floor(Math.log2(bytes)) - 3);
  return Math.floor(bytes / step) * step;
}
