import type { BackendBuffer, BoundCall } from "../device/backend.ts";
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

  /** Notes that bytes `offset` to `offset + bytes` are written; false where the rest has failed, so that writing is no use. */
  overwrite(buffer: BackendBuffer, offset: number, bytes: number): boolean {
    if (!this.#why.has(buffer)) return true;
    if (!isWhole(buffer, offset, bytes)) return false;
    this.forget(buffer);
    return true;
  }

  /** Whether a launch can run: what it writes has failed with what it reads. */
  allows(call: BoundCall): boolean {
    if (this.#why.size === 0) return true;
    const slots = Object.values(call.kernel.tensors);
    const error = call.bound
      .map((tensor, i) => {
        const error = tensor && this.#why.get(tensor.buffer);
        return error && !(slots[i]?.access === "write" && isWhole(tensor.buffer, tensor.offset, tensor.bytes))
          ? error
          : undefined;
      })
      .find((found) => found !== undefined);
    if (error) this.failWritten(call, error);
    else for (const tensor of call.bound) if (tensor) this.forget(tensor.buffer);
    return error === undefined;
  }
}

/** Buffers are up to 15 bytes longer than what their tensors hold. */
function isWhole(buffer: BackendBuffer, offset: number, bytes: number): boolean {
  return offset === 0 && Math.ceil(bytes / 16) * 16 >= buffer.bytes;
}
