import type { Backend, BackendBuffer, BoundCall, DeviceInfo, DeviceLimits } from "../device/backend.ts";
import { DeviceError, DilatedError, DisposedError, OutOfMemoryError } from "../errors/index.ts";
import { FailedBuffers } from "./failed-buffers.ts";
import { RunningTask } from "./task.ts";

/** Something that waits for its turn behind a host task. */
interface Turn {
  /** What it waits for itself: the outputs of a task, and where they go. */
  readonly task?: RunningTask;
  run(): void;
  /** Called instead where something before it failed. */
  refuse(error: DilatedError): void;
}

/**
 * A backend behind which host tasks have their place in the queue. While one is waited for, calls are kept, and
 * replayed in order when it has delivered; otherwise they go straight on. A task that fails takes with it whatever
 * waits behind it: reads reject, and what was to be written keeps failing with the cause, until something else is
 * written there.
 */
export class OrderedBackend implements Backend {
  readonly lost: Promise<Error>;
  // What a backend lacks, this one lacks, too.
  readonly adopt?: NonNullable<Backend["adopt"]>;
  readonly flush?: NonNullable<Backend["flush"]>;
  readonly startTiming?: NonNullable<Backend["startTiming"]>;
  readonly #inner: Backend;
  readonly #waiting: Turn[] = [];
  readonly #tasks = new Set<RunningTask>();
  readonly #failed = new FailedBuffers();
  /** Failures that no read was told of; the next sync is. */
  readonly #untold = new Set<DilatedError>();
  /** What was waited for last: calls behind it need not wait for it again. */
  #loading: Promise<void> | undefined;
  /** Bytes that go back once it is their turn. */
  #releasing = 0;

  constructor(inner: Backend) {
    this.#inner = inner;
    this.lost = inner.lost;
    if (inner.adopt) this.adopt = inner.adopt.bind(inner);
    if (inner.flush) this.flush = inner.flush.bind(inner);
    if (inner.startTiming) this.startTiming = inner.startTiming.bind(inner);
    void inner.lost.then((error) => this.#end(asDilated(error)));
  }

  get info(): DeviceInfo {
    return this.#inner.info;
  }

  get limits(): DeviceLimits {
    return this.#inner.limits;
  }

  /** What calls wait for now, if they do. */
  get waitsFor(): string | undefined {
    return this.#waiting[0]?.task?.name;
  }

  /** A task that began: it ends with the device. */
  add(task: RunningTask): void {
    this.#tasks.add(task);
    void task.settled.then(() => {
      this.#tasks.delete(task);
      if (task.error) this.#untold.add(task.error);
      this.#advance();
    });
  }

  /** From here on calls wait until the task has delivered what `outputs` are to hold. */
  wait(task: RunningTask, outputs: readonly BackendBuffer[]): void {
    this.#waiting.push({
      task,
      run: () => {
        outputs.forEach((buffer, i) => {
          const bytes = task.bytes?.[i];
          if (bytes && bytes.length > 0) this.#upload(buffer, 0, bytes);
        });
      },
      refuse: (error) => {
        for (const buffer of outputs) this.#failed.fail(buffer, error);
      },
    });
    this.#advance();
    if (this.#waiting.length > 0) this.#inner.flush?.(); // nothing comes behind it for a while
  }

  allocate(bytes: number): BackendBuffer {
    try {
      return this.#inner.allocate(bytes);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || this.#releasing === 0) throw error;
      throw new OutOfMemoryError(error.message.split("\n")[0] ?? "", {
        cause: error,
        details: [`${this.#releasing} bytes go back when the host task ${this.waitsFor} has delivered`],
        fix: "await device.sync(), and ask again",
      });
    }
  }

  release(buffer: BackendBuffer): void {
    if (this.#waiting.length === 0) return this.#release(buffer);
    this.#releasing += buffer.bytes;
    const release = (): void => {
      this.#releasing -= buffer.bytes;
      this.#release(buffer);
    };
    this.#waiting.push({ run: release, refuse: release });
  }

  upload(buffer: BackendBuffer, offset: number, data: Uint8Array): void {
    if (this.#waiting.length === 0) return this.#upload(buffer, offset, data);
    const kept = data.slice(); // the caller's, who may change it
    this.#waiting.push({
      run: () => this.#upload(buffer, offset, kept),
      refuse: (error) => this.#failed.fail(buffer, error),
    });
  }

  copy(from: BackendBuffer, fromOffset: number, to: BackendBuffer, toOffset: number, bytes: number): void {
    if (this.#waiting.length === 0) return this.#copy(from, fromOffset, to, toOffset, bytes);
    this.#waiting.push({
      run: () => this.#copy(from, fromOffset, to, toOffset, bytes),
      refuse: (error) => this.#failed.fail(to, error),
    });
  }

  run(call: BoundCall): void {
    const loading = this.#inner.loading?.(call);
    if (loading !== undefined && loading !== this.#loading) this.#waitFor(call.kernel.name, loading);
    if (this.#waiting.length === 0) return this.#launch(call);
    const kept = { ...call, scalars: { ...call.scalars } };
    this.#waiting.push({
      run: () => this.#launch(kept),
      refuse: (error) => this.#failed.failWritten(kept, error),
    });
  }

  read(buffer: BackendBuffer, offset: number, bytes: number): Promise<Uint8Array> {
    return this.#afterTurn("data", () => {
      const why = this.#failed.why(buffer);
      if (why) throw this.#told(why);
      return this.#inner.read(buffer, offset, bytes);
    });
  }

  sync(): Promise<void> {
    return this.#afterTurn("sync", async () => {
      await this.#inner.sync();
      const [first] = this.#untold;
      this.#untold.clear();
      if (first) throw first;
    });
  }

  doubts(buffer: BackendBuffer): boolean {
    const failed = this.#waiting.length > 0 || this.#failed.why(buffer) !== undefined;
    return failed || (this.#inner.doubts?.(buffer) ?? false);
  }

  warmup(call: BoundCall): Promise<void> {
    return this.#inner.warmup(call);
  }

  pooledBytes(): number {
    return this.#inner.pooledBytes();
  }

  trim(keepBytes: number): void {
    this.#inner.trim(keepBytes);
  }

  dispose(): void {
    this.#end(new DisposedError("the device was disposed", { fix: "await what you need before disposing" }));
    this.#inner.dispose();
  }

  /** From here on calls wait for what the backend still needs. */
  #waitFor(name: string, loading: Promise<void>): void {
    this.#loading = loading;
    const task = new RunningTask(name);
    this.add(task);
    task.start(
      async () => {
        await loading;
        return [];
      },
      { timeoutMs: Number.POSITIVE_INFINITY },
    );
    this.wait(task, []);
  }

  #upload(buffer: BackendBuffer, offset: number, data: Uint8Array): void {
    if (this.#failed.overwrite(buffer, offset, data.length)) this.#inner.upload(buffer, offset, data);
  }

  #launch(call: BoundCall): void {
    if (this.#failed.allows(call)) this.#inner.run(call);
  }

  #copy(from: BackendBuffer, fromOffset: number, to: BackendBuffer, toOffset: number, bytes: number): void {
    const why = this.#failed.why(from);
    if (why) this.#failed.fail(to, why);
    else if (this.#failed.overwrite(to, toOffset, bytes)) this.#inner.copy(from, fromOffset, to, toOffset, bytes);
  }

  #release(buffer: BackendBuffer): void {
    this.#failed.forget(buffer);
    this.#inner.release(buffer);
  }

  /** What `work` resolves with, when all before it has been passed on; it may throw, too. */
  async #afterTurn<T>(caller: string, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length === 0) return work();
    const task = RunningTask.current;
    if (task && !task.outcome && this.#waiting.some((turn) => turn.task === task)) {
      throw new DeviceError(`${caller}: ${task.name} waits for what is queued behind its own wait()`, {
        fix: "name what the task reads in its inputs, or read before wait() is called",
      });
    }
    return new Promise<T>((resolve, reject) => {
      const run = (): void => void (async () => work())().then(resolve, reject);
      this.#waiting.push({ run, refuse: (error) => reject(this.#told(error)) });
    });
  }

  #told(error: DilatedError): DilatedError {
    this.#untold.delete(error);
    return error;
  }

  /** Goes on with what need not wait any longer. */
  #advance(): void {
    for (let turn = this.#waiting[0]; turn && !(turn.task && !turn.task.outcome); turn = this.#waiting[0]) {
      if (turn.task?.error) return this.#refuseAll(turn.task.error);
      this.#waiting.shift();
      try {
        turn.run();
      } catch (error) {
        // The call had been taken: whoever reads what it was to write is told.
        const why = asDilated(error);
        this.#untold.add(why);
        turn.refuse(why);
      }
    }
  }

  #refuseAll(error: DilatedError): void {
    for (const turn of this.#waiting.splice(0)) turn.refuse(error);
  }

  #end(error: DilatedError): void {
    for (const task of this.#tasks) task.fail(error);
    this.#refuseAll(error);
  }
}

function asDilated(error: unknown): DilatedError {
  if (DilatedError.is(error)) return error;
  return new DeviceError(`what waited for a host task failed: ${String(error)}`, { cause: error });
}
