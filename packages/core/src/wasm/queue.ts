/** A kernel launch as a queue takes it: numbers only. */
export interface Command {
  /** Which kernel, for errors. */
  readonly kernel: number;
  readonly module: number;
  readonly fn: number;
  readonly items: number;
  /** Addresses and scalars, one word each; the queue may keep the array. */
  readonly words: Uint32Array;
  /** Byte address of the words where they do not fit a slot, else 0. */
  readonly params: number;
  readonly scratch: number;
  readonly stride: number;
  /** For profiles: hears when it ran, milliseconds from any zero, once it is done and before anybody who waits behind it. */
  readonly timed?: ((began: number, ended: number) => void) | undefined;
}

/** Executes commands in order. */
export interface Queue {
  readonly threads: number;
  /** Commands given so far. */
  readonly pushed: number;
  /** How many of them are done. */
  passed(): number;
  push(command: Command): void;
  /** Why the queue is dead, if it is: a kernel trapped, a worker died, it was disposed. */
  failure(): Error | undefined;
  /**
   * Runs `work` on the calling thread when everything pushed before is done, and before anything that is pushed later; it counts as a command. Rejects
   * when the queue is dead by then.
   */
  inTurn<T>(work: () => T): Promise<T>;
  /** Does what waits on the calling thread at once, where the queue works there. */
  catchUp?(): void;
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
