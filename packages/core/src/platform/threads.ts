/** What a worker of the WebAssembly queue is given. */
export interface WorkerData {
  /** A shared `WebAssembly.Memory`, which published declarations do not name. */
  readonly memory: object;
  /** 0 .. threads - 1 */
  readonly thread: number;
}

export interface ThreadEvents {
  message(message: number): void;
  /** It could not start, crashed, or ended. */
  failure(error: Error): void;
}

/** A running worker. */
export interface WorkerThread {
  /** Keeps the process alive (Node). */
  ref(): void;
  unref(): void;
  /** True once it is known to have ended; false where the platform does not say. */
  terminate(): Promise<boolean>;
}
