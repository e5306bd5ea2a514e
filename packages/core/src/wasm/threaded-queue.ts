import { blockWhile, startThread } from "#platform";
import { DeviceLostError, DisposedError } from "../errors/index.ts";
import type { WorkerThread } from "../platform/threads.ts";
import * as at from "./layout.ts";
import type { Command, Queue, QueueEvents } from "./queue.ts";
import { trapError } from "./trap.ts";
import { workerSource } from "./worker-source.ts";

interface Fence {
  resolve(): void;
  reject(error: Error): void;
}

/** More chunks than threads, so that a thread that is late or slow holds up little; few enough that claiming costs nothing. */
const CHUNKS_A_THREAD = 16;

/** The calling thread writes commands into the ring, and T workers execute them (see worker-source.ts). */
export class ThreadedQueue implements Queue {
  readonly threads: number;
  pushed = 0;
  readonly #words: Int32Array;
  readonly #events: QueueEvents;
  #workers: WorkerThread[] = [];
  /** Commands in the ring so far; the rest of `pushed` is in `#overflow`. */
  #published = 0;
  /** Used where the ring is full and the calling thread may not block. */
  #overflow: Command[] = [];
  readonly #fences = new Map<number, Fence>();
  #nextFence = 1;
  #failure: Error | undefined;

  constructor(memory: WebAssembly.Memory, threads: number, events: QueueEvents) {
    this.#words = new Int32Array(memory.buffer, 0, at.HEAP_START / 4);
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
    return this.#published - this.#inFlight();
  }

  push(command: Command): void {
    this.pushed += 1;
    if (this.#failure) return;
    this.#flush();
    if (this.#overflow.length === 0 && this.#waitForRoom()) this.#publish(command);
    else this.#overflow.push({ ...command, words: command.words.slice() });
  }

  drain(): void {
    while (this.passed() < this.pushed && !this.failure()) {
      this.#flush();
      const done = Atomics.load(this.#words, at.DONE);
      if (this.#inFlight() === 0) continue;
      Atomics.add(this.#words, at.BUSY, 1); // whoever finishes the command wakes this thread as well
      blockWhile(this.#words, at.DONE, done, 1);
      Atomics.sub(this.#words, at.BUSY, 1);
    }
  }

  failure(): Error | undefined {
    if (!this.#failure && Atomics.load(this.#words, at.TRAP) === 2) this.#fail(this.#readTrap());
    return this.#failure;
  }

  fence(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = this.#nextFence;
    this.#nextFence = id === 0x7fffffff ? 1 : id + 1;
    const done = new Promise<void>((resolve, reject) => this.#fences.set(id, { resolve, reject }));
    if (this.#fences.size === 1) this.#workers[0]?.ref(); // someone waits: the process must not end
    this.push({ kernel: 0, module: -1, fn: id, items: 1, words: new Uint32Array(0), params: 0, scratch: 0, stride: 0 });
    return done;
  }

  dispose(): void {
    this.#fail(new DisposedError("the device was disposed", { fix: "await what you need before disposing" }), false);
    Atomics.store(this.#words, at.STOP, 1);
    for (const index of [at.HEAD, at.DONE]) {
      Atomics.add(this.#words, index, 1); // so that nobody falls asleep on the old value
      Atomics.notify(this.#words, index);
    }
    for (const worker of this.#workers) worker.terminate();
    this.#workers = [];
  }

  #inFlight(): number {
    return (Atomics.load(this.#words, at.HEAD) - Atomics.load(this.#words, at.DONE)) >>> 0;
  }

  /** True when a slot is free. Blocks for a moment where that is allowed; if that does not help, commands go to the overflow list. */
  #waitForRoom(): boolean {
    const seen = Atomics.load(this.#words, at.PROGRESS);
    if (this.#inFlight() < at.SLOTS) return true;
    blockWhile(this.#words, at.PROGRESS, seen, 100);
    return this.#inFlight() < at.SLOTS;
  }

  #flush(): void {
    if (this.#overflow.length === 0) return;
    let taken = 0;
    for (let room = at.SLOTS - this.#inFlight(); room > 0 && taken < this.#overflow.length; room--) {
      this.#publish(this.#overflow[taken++] as Command);
    }
    if (taken > 0) this.#overflow.splice(0, taken);
  }

  #publish(command: Command): void {
    const words = this.#words;
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
    Atomics.store(words, slot + at.CLAIM, (head << at.CHUNK_BITS) | chunks);
    Atomics.store(words, at.HEAD, (head + 1) | 0);
    this.#published += 1;
    // One chunk needs one thread: when any is awake, it comes along by itself.
    const asleep = Atomics.load(words, at.IDLE);
    if (asleep > 0 && (chunks > 1 || asleep === this.threads)) Atomics.notify(words, at.HEAD, chunks);
  }

  #onMessage(message: number): void {
    this.failure(); // notes a trap, and rejects all fences then
    const fence = this.#fences.get(message);
    if (fence) {
      this.#forget(message);
      fence.resolve();
    }
    this.#flush();
    this.#events.progress();
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
    this.#overflow = [];
    const waiting = [...this.#fences.values()];
    for (const id of [...this.#fences.keys()]) this.#forget(id);
    for (const fence of waiting) fence.reject(error);
    if (tell) this.#events.lost(error);
  }
}
