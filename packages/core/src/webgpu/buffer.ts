import type { BackendBuffer } from "../device/backend.ts";
import { coversBuffer } from "../device/covers.ts";
import type { Block } from "./pool.ts";
import { doubtful, type Work } from "./work.ts";

/** A tensor's buffer: a block of the pool, or a GPUBuffer that came from outside. */
export class WebGPUBuffer implements BackendBuffer {
  readonly bytes: number;
  readonly block: Block;
  /** True for a buffer of the user's that is never pooled. */
  readonly foreign: boolean;
  /** Whether releasing it destroys a foreign buffer. */
  readonly owned: boolean;
  /** What wrote the contents, where that is not known to have been done. */
  content: Work | undefined;
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

  /** What the buffer, and with `content` what is in it, depend on. */
  needs(content: boolean): Work[] {
    const { made, exposed } = this.block;
    return doubtful(made, exposed, content ? this.content : undefined);
  }

  /** Whether so many bytes from there on are everything that the tensor holds. */
  covers(offset: number, bytes: number): boolean {
    return coversBuffer(this, offset, bytes);
  }

  /** The buffer for use outside the library. Work recorded so far is submitted first, so that the user's own submissions come after it. */
  get gpuBuffer(): GPUBuffer {
    this.#expose();
    return this.block.handle;
  }
}
