import type { BackendBuffer } from "../device/backend.ts";
import type { Block } from "./pool.ts";

/** A tensor's buffer: a block of the pool, or a GPUBuffer that came from outside. */
export class WebGPUBuffer implements BackendBuffer {
  readonly bytes: number;
  readonly block: Block;
  /** True for a buffer of the user's that is never pooled. */
  readonly foreign: boolean;
  /** Whether releasing it destroys a foreign buffer. */
  readonly owned: boolean;
  readonly #expose: () => void;

  constructor(
    block: Block,
    bytes: number,
    expose: () => void,
    from: { foreign: boolean; owned: boolean } = { foreign: false, owned: true },
  ) {
    this.block = block;
    this.bytes = bytes;
    this.foreign = from.foreign;
    this.owned = from.owned;
    this.#expose = expose;
  }

  /** The buffer for use outside the library. Work recorded so far is submitted first, so that the user's own submissions come after it. */
  get gpuBuffer(): GPUBuffer {
    this.#expose();
    return this.block.handle;
  }
}
