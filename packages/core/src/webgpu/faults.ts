import { DeviceError, type DilatedError, OutOfMemoryError, ShaderError } from "../errors/index.ts";

/** Turns what a scope caught into an error of ours. */
type Explain = (error: GPUError, filter: GPUErrorFilter) => DilatedError | Promise<DilatedError>;

/** Somebody who waits: for everything, or only for what belongs to nobody. */
interface Listener {
  readonly heard: Set<DilatedError>;
  readonly all: boolean;
}

/**
 * Errors that WebGPU reports later than the call that caused them. Each belongs to some `Work`, and whatever reads that
 * or builds on it rejects, however often and however late. `sync`, which waits for everything, rejects with the most
 * telling of those that nobody has been told.
 */
export class Faults {
  /** Settles when everything that is watched has its outcome. Never rejects. */
  #tail: Promise<void> = Promise.resolve();
  readonly #untold = new Set<DilatedError>();
  readonly #listeners = new Set<Listener>();

  /** An error that belongs to nobody: all that wait now reject with it, or else the next sync. */
  report(error: DilatedError): void {
    this.#untold.add(error);
    for (const { heard } of this.#listeners) heard.add(error);
  }

  /** Notes that somebody has heard of it. */
  told(error: DilatedError): DilatedError {
    this.#untold.delete(error);
    return error;
  }

  /**
   * Runs `work` in error scopes of `filters`; `explain` turns what they caught into a fault. `done` is told of the
   * outcome, in the order of the calls, and gives back what of it is new.
   */
  watch<T>(
    device: GPUDevice,
    filters: readonly GPUErrorFilter[],
    work: () => T,
    explain: Explain,
    done: (fault: DilatedError | undefined) => DilatedError | undefined,
  ): T {
    for (const filter of filters) device.pushErrorScope(filter);
    try {
      return work();
    } finally {
      const scopes = [...filters].reverse().map(async (filter) => {
        const error = await device.popErrorScope();
        return error ? await explain(error, filter) : undefined;
      });
      // A scope that rejects is that of a device that has ended, which Lifetime tells.
      const outcome = Promise.all(scopes.map((scope) => scope.catch(() => undefined)));
      const before = this.#tail;
      this.#tail = (async () => {
        await before;
        const fresh = done(worstOf(await outcome));
        if (!fresh) return;
        this.#untold.add(fresh);
        for (const { heard, all } of this.#listeners) if (all) heard.add(fresh);
      })();
    }
  }

  /**
   * Resolves with the value of `wait` when all that is watched then is settled; rejects with what belongs to nobody and
   * came meanwhile.
   */
  settle<T>(wait: () => Promise<T>): Promise<T> {
    return this.#listen({ heard: new Set(), all: false }, wait);
  }

  /** The same, and rejects with everything else that nobody has been told or that comes meanwhile. */
  settleAll<T>(wait: () => Promise<T>): Promise<T> {
    return this.#listen({ heard: new Set(this.#untold), all: true }, wait);
  }

  async #listen<T>(listener: Listener, wait: () => Promise<T>): Promise<T> {
    this.#listeners.add(listener);
    let value: T;
    try {
      value = await wait();
      await this.#tail;
    } finally {
      this.#listeners.delete(listener);
    }
    for (const error of listener.heard) this.#untold.delete(error);
    const worst = worstOf([...listener.heard]);
    if (worst) throw worst;
    return value;
  }
}

/** A kernel that does not compile also makes each submission that uses it invalid, and only the first says why. */
export function worstOf(faults: readonly (DilatedError | undefined)[]): DilatedError | undefined {
  const known = faults.filter((fault) => fault !== undefined);
  return known.find((e) => e instanceof ShaderError) ?? known.find((e) => e instanceof OutOfMemoryError) ?? known[0];
}

/** What WebGPU refused: for want of memory, or because of a bug in a kernel's definition or in this backend. */
export function faultOf(error: GPUError, filter: GPUErrorFilter, doing: string): DilatedError {
  const parts = { details: error.message.split("\n"), cause: error };
  if (filter === "out-of-memory") return new OutOfMemoryError(`${doing}: the GPU has no room`, parts);
  return new DeviceError(`${doing}: WebGPU refused the work, so the results would be wrong`, parts);
}
