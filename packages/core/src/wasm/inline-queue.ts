import { nextTurn } from "#platform";
import { DisposedError } from "../errors/index.ts";
import { Fifo } from "./fifo.ts";
import { INLINE, RING } from "./layout.ts";
import type { Modules } from "./modules.ts";
import type { Command, Queue, QueueEvents } from "./queue.ts";
import { nextRun, SLICE_MS } from "./slices.ts";
import { trapError } from "./trap.ts";

/** Something to do on this thread when its turn comes. */
interface HostWork {
  run(): void;
  reject(error: Error): void;
}

/** Commands that may wait; whoever queues more without ever waiting does the oldest at once, so that memory stays bounded. */
const MOST_WAITING = 8_192;

/** One thread: commands wait, and the calling thread does them in slices, between which the event loop gets its turn. */
export class InlineQueue implements Queue {
  readonly threads = 1;
  pushed = 0;
  readonly #modules: Modules;
  readonly #events: QueueEvents;
  readonly #words: Uint32Array;
  readonly #waiting = new Fifo<Command | HostWork>();
  /** The first command's items that are done, the number to do next, and the milliseconds it took so far. */
  #done = 0;
  #run = 1;
  #ranMs = 0;
  #scheduled = false;
  #failure: Error | undefined;

  constructor(memory: WebAssembly.Memory, modules: Modules, events: QueueEvents) {
    this.#modules = modules;
    this.#events = events;
    this.#words = new Uint32Array(memory.buffer, (RING + INLINE) * 4);
  }

  passed(): number {
    return this.pushed - this.#waiting.length;
  }

  push(command: Command): void {
    this.pushed += 1;
    if (this.#failure) return;
    this.#add(command);
    if (this.#waiting.length > MOST_WAITING) this.#work(Number.POSITIVE_INFINITY, MOST_WAITING);
  }

  failure(): Error | undefined {
    return this.#failure;
  }

  inTurn<T>(work: () => T): Promise<T> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.pushed += 1;
    return new Promise<T>((resolve, reject) => {
      const run = () => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      };
      this.#add({ run, reject });
    });
  }

  catchUp(): void {
    this.#work(Number.POSITIVE_INFINITY, 0);
  }

  fence(): Promise<void> {
    return this.inTurn(() => {});
  }

  dispose(): void {
    this.#fail(new DisposedError("the device was disposed", { fix: "await what you need before disposing" }));
  }

  #add(entry: Command | HostWork): void {
    this.#waiting.push(entry);
    // Started without anybody reading: what is queued must not wait for a read that never comes.
    if (this.#scheduled) return;
    this.#scheduled = true;
    nextTurn(() => this.#slice());
  }

  #slice(): void {
    this.#scheduled = false;
    this.#work(performance.now() + SLICE_MS, 0);
    if (this.#waiting.length > 0) {
      this.#scheduled = true;
      nextTurn(() => this.#slice());
    }
    this.#events.progress();
  }

  /** Works until the clock says `end`, or at most `keep` entries are left. */
  #work(end: number, keep: number): void {
    let now = performance.now();
    while (this.#waiting.length > keep && now < end) {
      const entry = this.#waiting.first as Command | HostWork;
      if ("run" in entry) {
        this.#waiting.shift();
        entry.run();
        continue;
      }
      const begin = now;
      const count = Math.min(this.#run, entry.items - this.#done);
      try {
        if (entry.params === 0) this.#words.set(entry.words);
        const fn = this.#modules.functionOf(entry.module, entry.fn);
        fn(entry.params || (RING + INLINE) * 4, this.#done, this.#done + count, entry.scratch);
      } catch (error) {
        // As with threads: noted, and told to whoever reads next.
        const text = error instanceof Error ? error.message : String(error);
        const failure = trapError(this.#events.kernelName(entry.kernel), text);
        this.#fail(failure);
        this.#events.lost(failure);
        return;
      }
      now = performance.now();
      this.#done += count;
      this.#ranMs += now - begin;
      this.#run = nextRun(count, now - begin, Math.max(1, end - now));
      if (this.#done === entry.items) this.#finish(entry, now);
    }
  }

  #finish(command: Command, now: number): void {
    this.#waiting.shift();
    command.timed?.(now - this.#ranMs, now);
    this.#done = 0;
    this.#run = 1;
    this.#ranMs = 0;
  }

  /** The first failure counts: it rejects whoever waits, now and later. */
  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    for (const entry of this.#waiting.clear()) if ("run" in entry) entry.reject(error);
  }
}
