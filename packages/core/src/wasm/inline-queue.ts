import { DisposedError } from "../errors/index.ts";
import { INLINE, RING } from "./layout.ts";
import type { Modules } from "./modules.ts";
import type { Command, Queue, QueueEvents } from "./queue.ts";
import { trapError } from "./trap.ts";

/** One thread: a command runs when it is pushed, on the calling thread. */
export class InlineQueue implements Queue {
  readonly threads = 1;
  pushed = 0;
  readonly #modules: Modules;
  readonly #events: QueueEvents;
  readonly #words: Uint32Array;
  #failure: Error | undefined;

  constructor(memory: WebAssembly.Memory, modules: Modules, events: QueueEvents) {
    this.#modules = modules;
    this.#events = events;
    this.#words = new Uint32Array(memory.buffer, (RING + INLINE) * 4);
  }

  passed(): number {
    return this.pushed;
  }

  push(command: Command): void {
    this.pushed += 1;
    if (this.#failure) return;
    if (command.params === 0) this.#words.set(command.words);
    try {
      const fn = this.#modules.functionOf(command.module, command.fn);
      fn(command.params || (RING + INLINE) * 4, 0, command.items, command.scratch);
    } catch (error) {
      // As with threads: noted, and told to whoever reads next.
      this.#failure = trapError(
        this.#events.kernelName(command.kernel),
        error instanceof Error ? error.message : String(error),
      );
      this.#events.lost(this.#failure);
    }
  }

  drain(): void {}

  failure(): Error | undefined {
    return this.#failure;
  }

  async fence(): Promise<void> {
    if (this.#failure) throw this.#failure;
  }

  dispose(): void {
    this.#failure = new DisposedError("the device was disposed");
  }
}
