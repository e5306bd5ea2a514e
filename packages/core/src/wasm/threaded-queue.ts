import { after, blockWhile, startThread } from "#platform";
import { DeviceLostError, DisposedError } from "../errors/index.ts";
import type { WorkerThread } from "../platform/threads.ts";
import { Fifo } from "./fifo.ts";
import * as at from "./layout.ts";
import type { Command, Queue, QueueEvents } from "./queue.ts";
import { trapError } from "./trap.ts";
import { workerSource } from "./worker-source.ts";

interface Fence {
  resolve(): void;
  reject(error: Error): void;
  /** Commands behind it wait until it is resolved. */
  readonly holds: boolean;
}

/** More chunks than threads, so that a thread that is late or slow holds up little; few enough that claiming costs nothing. */
const CHUNKS_A_THREAD = 16;

/** Commands that may wait for room in the ring before the calling thread waits, too, where it can: memory stays bounded. */
const MOST_WAITING = 8_192;

/** A worker that is in the middle of a chunk has so long to leave by itself. */
const GRACE_MS = 1_000;

/** The calling thread writes commands into the ring, and T workers execute them (see worker-source.ts). */
export class ThreadedQueue implements Queue {
  readonly threads: number;
  pushed = 0;
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #events: QueueEvents;
  #workers: WorkerThread[] = [];
  /** Commands in the ring so far; the rest of `pushed` is in `#overflow`. */
  #published = 0;
  /** Where the ring is full, or a fence holds what is behind it: the calling thread goes on, so that its event loop gets its turns. */
  readonly #overflow = new Fifo<Command>();
  /** The fence that holds, the last command published then; 0 for none. */
  #holding = 0;
  /** Commands whose times nobody has fetched yet, oldest first. */
  readonly #timed = new Fifo<{ position: number; slot: number; tell: NonNullable<Command["timed"]> }>();
  readonly #fences = new Map<number, Fence>();
  #nextFence = 1;
  #failure: Error | undefined;

  constructor(memory: WebAssembly.Memory, threads: number, events: QueueEvents) {
    this.#words = new Int32Array(memory.buffer, 0, at.HEAP_START / 4);
    this.#times = new Float64Array(memory.buffer, 0, at.HEAP_START / 8);
    this.threads = threads;
    this.#events = events;
  }

  /** Resolves when all workers run; rejects when one could not start. */
  async start(memory: WebAssembly.Memory): Promise<void> {
    const ready = Array.from({ length: this.threads }, (_, thread) => {
      return new Promise<void>((resolve, reject) => {
        const worker = startThread(
          workerSource,
          { memory, thread },
          {
            message: (message) => (message === -1 ? resolve() : this.#onMessage(message)),
            failure: (error) => {
              reject(error);
              this.#fail(
                new DeviceLostError(`a thread of the WebAssembly device died: ${error.message}`, {
                  cause: error,
                  fix: "open a new device",
                }),
              );
            },
          },
        );
        worker.ref(); // opening a device is something a process waits for
        this.#workers.push(worker);
      });
    });
    await Promise.all(ready);
    for (const worker of this.#workers) worker.unref();
  }

  passed(): number {
    // A fence that holds is done when the calling thread has done its part.
    return this.#published - Math.max(this.#inFlight(), this.#holding === 0 ? 0 : 1);
  }

  push(command: Command): void {
    this.pushed += 1;
    if (this.#failure) return;
    this.#overflow.push(command);
    this.#flush();
    if (this.#overflow.length > MOST_WAITING) this.#waitForRoom();
  }

  failure(): Error | undefined {
    if (!this.#failure && Atomics.load(this.#words, at.TRAP) === 2) this.#fail(this.#readTrap());
    return this.#failure;
  }

  fence(): Promise<void> {
    return this.#fence(() => {}, false);
  }

  inTurn<T>(work: () => T): Promise<T> {
    return this.#fence(work, true);
  }

  dispose(): void {
    this.#fail(new DisposedError("the device was disposed", { fix: "await what you need before disposing" }), false);
    this.#end();
  }

  /** Lets the workers leave behind the chunk that they are at, so that the memory can be used again; ends those that do not. */
  #end(): void {
    const words = this.#words;
    const workers = this.#workers;
    const owner = Atomics.load(words, at.OWNER);
    this.#workers = [];
    Atomics.store(words, at.STOP, 1);
    for (const index of [at.HEAD, at.DONE]) {
      Atomics.add(words, index, 1); // so that nobody falls asleep on the old value
      Atomics.notify(words, index);
    }
    const release = async (): Promise<void> => {
      const left = Atomics.load(words, at.LEFT) >= workers.length;
      const ended = await Promise.all(workers.map((worker) => worker.terminate()));
      // Where all had left, the memory may be another device's by now, whose workers work.
      if (Atomics.load(words, at.OWNER) !== owner || left) return;
      if (ended.every((known) => known)) Atomics.store(words, at.LEFT, workers.length);
    };
    after(GRACE_MS, () => void release());
  }

  #inFlight(): number {
    return (Atomics.load(this.#words, at.HEAD) - Atomics.load(this.#words, at.DONE)) >>> 0;
  }

  #fence<T>(work: () => T, holds: boolean): Promise<T> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = this.#nextFence;
    this.#nextFence = id === 0x7fffffff ? 1 : id + 1;
    const done = new Promise<T>((resolve, reject) => {
      const run = () => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      };
      this.#fences.set(id, { resolve: run, reject, holds });
    });
    if (this.#fences.size === 1) this.#workers[0]?.ref(); // someone waits: the process must not end
    this.push({ kernel: 0, module: -1, fn: id, items: 1, words: new Uint32Array(0), params: 0, scratch: 0, stride: 0 });
    return done;
  }

  /** Waits a moment for half a ring to be done, where this thread may block; a dead worker must not hold it for ever. */
  #waitForRoom(): void {
    const seen = Atomics.load(this.#words, at.PROGRESS);
    if (this.#holding !== 0 || this.#inFlight() < at.SLOTS) return;
    blockWhile(this.#words, at.PROGRESS, seen, 100);
    this.#flush();
  }

  #flush(): void {
    if (this.#overflow.length === 0) return;
    for (let room = at.SLOTS - this.#inFlight(); room > 0 && this.#holding === 0; room--) {
      const command = this.#overflow.shift();
      if (!command) return;
      this.#publish(command);
    }
  }

  #publish(command: Command): void {
    const words = this.#words;
    if (this.#timed.length > 0) this.#tellTimes(); // before their slots are used again
    const head = Atomics.load(words, at.HEAD);
    const slot = at.RING + (head & (at.SLOTS - 1)) * at.SLOT_WORDS;
    const grain = Math.ceil(command.items / Math.min(command.items, at.CHUNKS_MAX, CHUNKS_A_THREAD * this.threads));
    const chunks = Math.ceil(command.items / grain);
    words[slot + at.MODULE] = command.module;
    words[slot + at.FUNCTION] = command.fn;
    words[slot + at.ITEMS] = command.items;
    words[slot + at.GRAIN] = grain;
    words[slot + at.PARAMS] = command.params || (slot + at.INLINE) * 4;
    words[slot + at.SCRATCH] = command.scratch;
    words[slot + at.STRIDE] = command.stride;
    words[slot + at.KERNEL] = command.kernel;
    if (command.params === 0) words.set(command.words, slot + at.INLINE);
    words[slot + at.PENDING] = chunks;
    words[slot + at.CHUNKS] = chunks;
    words[slot + at.TIMED] = command.timed ? 1 : 0;
    Atomics.store(words, slot + at.CLAIM, (head << at.CHUNK_BITS) | chunks);
    Atomics.store(words, at.HEAD, (head + 1) | 0);
    this.#published += 1;
    if (command.timed) this.#timed.push({ position: this.#published, slot, tell: command.timed });
    if (command.module < 0 && this.#fences.get(command.fn)?.holds) this.#holding = command.fn;
    // One chunk needs one thread: when any is awake, it comes along by itself.
    const asleep = Atomics.load(words, at.IDLE);
    if (asleep > 0 && (chunks > 1 || asleep === this.threads)) Atomics.notify(words, at.HEAD, chunks);
  }

  #onMessage(message: number): void {
    this.failure(); // notes a trap, and rejects all fences then
    this.#tellTimes();
    const fence = this.#fences.get(message);
    if (fence) {
      this.#forget(message);
      fence.resolve();
      if (this.#holding === message) this.#holding = 0;
    }
    this.#flush();
    this.#events.progress();
  }

  #tellTimes(): void {
    const done = this.#published - this.#inFlight();
    for (let next = this.#timed.first; next && next.position <= done; next = this.#timed.first) {
      const { slot, tell } = next;
      this.#timed.shift();
      tell(this.#times[(slot + at.BEGUN) / 2] as number, this.#times[(slot + at.ENDED) / 2] as number);
    }
  }

  #forget(fence: number): void {
    this.#fences.delete(fence);
    if (this.#fences.size === 0) this.#workers[0]?.unref();
  }

  #readTrap(): Error {
    const length = this.#words[at.TRAP_TEXT] as number;
    const text = String.fromCharCode(...this.#words.subarray(at.TRAP_TEXT + 1, at.TRAP_TEXT + 1 + length));
    return trapError(this.#events.kernelName(this.#words[at.TRAP_KERNEL] as number), text);
  }

  /** The first failure counts: it rejects whoever waits, now and later. */
  #fail(error: Error, tell = true): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#overflow.clear();
    this.#timed.clear();
    this.#holding = 0;
    const waiting = [...this.#fences.values()];
    for (const id of [...this.#fences.keys()]) this.#forget(id);
    for (const fence of waiting) fence.reject(error);
    if (tell) this.#events.lost(error);
  }
}
