import type { BackendBuffer, BoundCall } from "../device/backend.ts";
import { coversBuffer } from "../device/covers.ts";
import type { DilatedError } from "../errors/index.ts";

/** Buffers whose contents were to come from something that failed, and why: whoever reads them is told. */
export class FailedBuffers {
  readonly #why = new Map<BackendBuffer, DilatedError>();

  why(buffer: BackendBuffer): DilatedError | undefined {
    return this.#why.get(buffer);
  }

  /** What `buffer` was to hold never came. */
  fail(buffer: BackendBuffer, error: DilatedError): void {
    this.#why.set(buffer, error);
  }

  /** What a launch writes never came. */
  failWritten(call: BoundCall, error: DilatedError): void {
    const slots = Object.values(call.kernel.tensors);
    call.bound.forEach((tensor, i) => {
      if (tensor && slots[i]?.access !== "read") this.fail(tensor.buffer, error);
    });
  }

  /** The memory goes back, or something else is written over all of it. */
  forget(buffer: BackendBuffer): void {
    this.#why.delete(buffer);
  }

  /**
   * Notes that bytes `offset` to `offset + bytes` are written; false where the rest has failed, so that writing is no
   * use.
   */
  overwrite(buffer: BackendBuffer, offset: number, bytes: number): boolean {
    if (!this.#why.has(buffer)) return true;
    if (!coversBuffer(buffer, offset, bytes)) return false;
    this.forget(buffer);
    return true;
  }

  /** Whether a launch can run: what it writes has failed with what it reads, and with what it leaves of the rest. */
  allows(call: BoundCall): boolean {
    if (this.#why.size === 0) return true;
    const slots = Object.values(call.kernel.tensors);
    const bound = call.bound.map((tensor, i) => ({ tensor, access: slots[i]?.access }));
    const needed = bound.filter(
      ({ tensor, access }) =>
        tensor && !(access === "write" && coversBuffer(tensor.buffer, tensor.offset, tensor.bytes)),
    );
    const error = needed.map(({ tensor }) => tensor && this.why(tensor.buffer)).find((why) => why !== undefined);
    if (error) this.failWritten(call, error);
    else for (const { tensor } of bound) if (tensor) this.forget(tensor.buffer);
    return error === undefined;
  }
}
