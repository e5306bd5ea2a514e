import { trackInside } from "#platform";
import { AbortedError, DeviceError, DilatedError } from "../errors/index.ts";
import { quote } from "../errors/quote.ts";
import type { AbortSignalLike, PlatformAbortSignal } from "../foreign/types.ts";

/** What a task that runs is given beside its inputs. */
export interface HostTaskContext {
  /** Aborts when the task is cancelled, is late, or its device is disposed of or lost. */
  readonly signal: PlatformAbortSignal;
}

const inside = trackInside<RunningTask>();

/**
 * A function of the host that runs beside the queue, until it delivers the bytes of its outputs, fails, or is given up.
 */
export class RunningTask {
  readonly name: string;
  /** The bytes of each output, once they are there. */
  bytes: readonly Uint8Array[] | undefined;
  /** Why they never will be. */
  error: DilatedError | undefined;
  /** Resolves when either is known. Never rejects. */
  readonly settled: Promise<void>;
  #settle!: () => void;
  readonly #controller = new AbortController();

  constructor(name: string) {
    this.name = name;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** The task that the caller's code belongs to, where the platform can tell. */
  static get current(): RunningTask | undefined {
    return inside.current();
  }

  /** Undefined while it runs. */
  get outcome(): "done" | "failed" | undefined {
    return this.error ? "failed" : this.bytes && "done";
  }

  /** Starts `work`, which is given up when `signal` aborts or after `timeoutMs`. */
  start(
    work: (context: HostTaskContext) => Promise<readonly Uint8Array[]>,
    { signal, timeoutMs }: { readonly signal?: AbortSignalLike | undefined; readonly timeoutMs: number },
  ): void {
    const stop = (): void =>
      this.fail(new AbortedError(`${this.name}: the host task was stopped`, { cause: signal?.reason }));
    const late = (): void =>
      this.fail(
        new DeviceError(`${this.name}: the host task has not delivered after ${timeoutMs} ms`, {
          details: ["a task that waits for its own device, behind its own wait(), never ends"],
          fix: "give it more with { timeoutMs }, or end it with { signal }",
        }),
      );
    const timer = Number.isFinite(timeoutMs) ? setTimeout(late, timeoutMs) : undefined;
    signal?.addEventListener("abort", stop);
    void this.settled.then(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    });
    if (signal?.aborted) return stop();
    const context = { signal: this.#controller.signal as PlatformAbortSignal };
    // A function that is not async and throws is told of like one that is.
    inside
      .run(this, async () => work(context))
      .then(
        (bytes) => this.#deliver(bytes),
        (error: unknown) => this.fail(this.#wrap(error)),
      );
  }

  /** The first outcome counts; whatever the function still does is told to stop. */
  fail(error: DilatedError): void {
    if (this.outcome) return;
    this.error = error;
    this.#settle();
    this.#controller.abort(error);
  }

  #deliver(bytes: readonly Uint8Array[]): void {
    if (this.outcome) return;
    this.bytes = bytes;
    this.#settle();
  }

  #wrap(cause: unknown): DilatedError {
    if (DilatedError.is(cause)) return cause;
    const said = cause instanceof Error ? cause.message : quote(cause);
    return new DeviceError(`${this.name}: the host task failed: ${said}`, {
      cause,
      fix: "catch in the task what it can go on from",
    });
  }
}
