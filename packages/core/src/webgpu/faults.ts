import { DeviceError, type DilatedError, OutOfMemoryError, ShaderError } from "../errors/index.ts";

/**
 * Errors that WebGPU reports later than the call that caused them. They are kept until the next read or sync, which rejects with the most
 * telling of them: a kernel that did not compile also makes each submission that uses it invalid, and only the first says why.
 */
export class Faults {
  readonly #errors: DilatedError[] = [];
  readonly #pending = new Set<Promise<void>>();
  #delivered = 0;

  /** What a read or sync notes when it starts; faults reported from there on are its own. */
  mark(): number {
    return this.#delivered;
  }

  report(error: DilatedError): void {
    this.#errors.push(error);
  }

  /** Something whose outcome must be known before a read may succeed. Never rejects. */
  track(work: Promise<void>): void {
    const done = work
      .catch(() => {}) // the device's own end is told by Lifetime
      .finally(() => this.#pending.delete(done));
    this.#pending.add(done);
  }

  /** Runs `work` in error scopes of `filters`; `explain` turns what they caught into a fault. */
  watch<T>(
    device: GPUDevice,
    filters: readonly GPUErrorFilter[],
    work: () => T,
    explain: (error: GPUError) => DilatedError | Promise<DilatedError>,
  ): T {
    for (const filter of filters) device.pushErrorScope(filter);
    try {
      return work();
    } finally {
      for (const _ of filters) {
        this.track(
          device.popErrorScope().then(async (error) => {
            if (error) this.report(await explain(error));
          }),
        );
      }
    }
  }

  /** Waits for the scopes that are open now, then throws if anything went wrong since `mark`. */
  async settle(mark: number): Promise<void> {
    await Promise.all(this.#pending);
    const fresh = this.#errors.slice(mark);
    this.#delivered = this.#errors.length;
    const worst =
      fresh.find((e) => e instanceof ShaderError) ?? fresh.find((e) => e instanceof OutOfMemoryError) ?? fresh[0];
    if (worst) throw worst;
  }
}

/** A validation or internal error of WebGPU: a bug in a kernel's definition or in this backend. */
export function validationFault(error: GPUError, doing: string): DilatedError {
  return new DeviceError(`${doing}: WebGPU refused the work, so the results would be wrong`, {
    details: error.message.split("\n"),
    cause: error,
  });
}
