import { DeviceError, DeviceLostError, DilatedError, DisposedError } from "../errors/index.ts";

/** How long a failure waits for the news that the device is lost. */
const GRACE_MS = 200;

function unexpected(cause: unknown): DilatedError {
  return new DeviceError("WebGPU failed while it worked for a read or sync", { details: [String(cause)], cause });
}

/**
 * Whether a device still lives. WebGPU answers a lost device's calls with silence and zeros; this turns both into rejections: everything that
 * waits goes through `guard`, everything that starts goes through `check`.
 */
export class Lifetime {
  #ended: Error | undefined;
  readonly #waiting = new Set<(reason: Error) => void>();
  readonly #resolveLost: (error: Error) => void;
  /** Resolves when the device is lost; never for `dispose()`. */
  readonly lost: Promise<Error>;

  constructor() {
    let resolveLost: (error: Error) => void = () => {};
    this.lost = new Promise((resolve) => {
      resolveLost = resolve;
    });
    this.#resolveLost = resolveLost;
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Called with WebGPU's reason when the device went away on its own. */
  lose(info: { readonly reason?: string; readonly message: string }): void {
    const error = new DeviceLostError("the GPU device was lost; what was queued on it did not finish", {
      details: [`reason: ${info.reason ?? "unknown"}`, info.message],
      fix: "open a new device and load the last checkpoint",
    });
    if (this.#end(error)) this.#resolveLost(error);
  }

  /** Called by `dispose()`; false when the device had ended before. */
  dispose(): boolean {
    return this.#end(
      new DisposedError("the device was disposed before this finished", {
        fix: "await data() and sync() before dispose()",
      }),
    );
  }

  /** Throws when nothing can run any more. */
  check(): void {
    if (this.#ended) throw this.#ended;
  }

  /** `work`, or a rejection as soon as the device ends. (Promise.race would keep one reaction per call on the long-lived promise.) */
  guard<T>(work: Promise<T>): Promise<T> {
    if (this.#ended) {
      work.catch(() => {});
      return Promise.reject(this.#ended);
    }
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject);
      work.then(
        (value) => {
          this.#waiting.delete(reject);
          resolve(value);
        },
        (error) => {
          if (DilatedError.is(error)) this.#refuse(reject, error);
          // Chrome aborts mappings before it tells that the device is lost; the loss is the better reason.
          else setTimeout(() => this.#refuse(reject, unexpected(error)), GRACE_MS);
        },
      );
    });
  }

  #refuse(reject: (reason: Error) => void, error: Error): void {
    this.#waiting.delete(reject);
    reject(this.#ended ?? error);
  }

  #end(reason: Error): boolean {
    if (this.#ended) return false;
    this.#ended = reason;
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
    return true;
  }
}
