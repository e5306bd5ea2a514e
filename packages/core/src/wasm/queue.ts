/** A kernel launch as a queue takes it: numbers only. */
export interface Command {
  /** Which kernel, for errors. */
  readonly kernel: number;
  readonly module: number;
  readonly fn: number;
  readonly items: number;
  /** Addresses and scalars, one word each; not kept. */
  readonly words: Uint32Array;
  /** Byte address of the words where they do not fit a slot, else 0. */
  readonly params: number;
  readonly scratch: number;
  readonly stride: number;
}

/** Executes commands in order. */
export interface Queue {
  readonly threads: number;
  /** Commands given so far. */
  readonly pushed: number;
  /** How many of them are done. */
  passed(): number;
  push(command: Command): void;
  /** Returns when everything pushed is done, or the queue is dead. Blocks the calling thread, by spinning where that is the only way: for profiles. */
  drain(): void;
  /** Why the queue is dead, if it is: a kernel trapped, a worker died, it was disposed. */
  failure(): Error | undefined;
  /** Resolves when everything pushed before is done; rejects when a kernel trapped or a worker died. */
  fence(): Promise<void>;
  dispose(): void;
}

/** What a queue tells its backend. */
export interface QueueEvents {
  /** Some commands are done: blocks may be reclaimed. */
  progress(): void;
  /** The queue is dead. */
  lost(error: Error): void;
  kernelName(id: number): string;
}
