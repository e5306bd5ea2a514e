import type { BackendBuffer } from "../device/backend.ts";

/**
 * A reference-counted buffer. Tensors that share it (views, and what the tape keeps for backward) each hold one reference;
 * the buffer goes back to the pool with the last one.
 */
export class Storage {
  #references = 1;
  #version = 0;
  readonly buffer: BackendBuffer;
  readonly #free: () => void;

  constructor(buffer: BackendBuffer, free: () => void) {
    this.buffer = buffer;
    this.#free = free;
  }

  get references(): number {
    return this.#references;
  }

  /** Grows with everything that is queued to write the buffer; backward compares it with what it was when a tensor was saved. */
  get version(): number {
    return this.#version;
  }

  changed(): void {
    this.#version += 1;
  }

  retain(): this {
    this.#references += 1;
    return this;
  }

  release(): void {
    this.#references -= 1;
    if (this.#references === 0) this.#free();
  }
}
