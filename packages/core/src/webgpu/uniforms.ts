import type { BoundCall } from "../device/backend.ts";
import { LimitError } from "../errors/index.ts";
import type { Piece } from "./dispatch.ts";
import { USAGE } from "./flags.ts";

/** Bytes of one launch's parameters: the alignment that WebGPU asks of dynamic uniform offsets. */
export const SLOT_BYTES = 256;

/** Launches whose parameters fit at once. More than one submission ever holds. */
const SLOTS = 256;

/** Words that the prelude's `Params` holds behind the scalars: base, end and fold of the groups. */
const GROUP_WORDS = 4;

/**
 * Parameters of the launches that are recorded and not yet submitted. Slots are free again after each submission: `queue.writeBuffer` is ordered
 * behind the submission that still reads the old values.
 */
export class Uniforms {
  readonly buffer: GPUBuffer;
  readonly #queue: GPUQueue;
  readonly #bytes = new ArrayBuffer(SLOTS * SLOT_BYTES);
  readonly #view = new DataView(this.#bytes);
  #used = 0;

  constructor(device: GPUDevice) {
    this.#queue = device.queue;
    this.buffer = device.createBuffer({
      label: "dilated params",
      size: SLOTS * SLOT_BYTES,
      usage: USAGE.UNIFORM | USAGE.COPY_DST,
    });
  }

  get full(): boolean {
    return this.#used === SLOTS;
  }

  /** Writes the parameters of one launch; gives their offset in the buffer. */
  put(call: BoundCall, piece: Piece): number {
    const at = this.#used * SLOT_BYTES;
    this.#used += 1;
    let word = at;
    for (const [name, type] of Object.entries(call.kernel.scalars)) {
      const value = call.scalars[name] ?? 0;
      if (type === "f32") this.#view.setFloat32(word, value, true);
      else if (type === "i32") this.#view.setInt32(word, value, true);
      else this.#view.setUint32(word, value, true);
      word += 4;
    }
    for (const value of [piece.begin, piece.end, piece.fold[0], piece.fold[1]]) {
      this.#view.setUint32(word, value, true);
      word += 4;
    }
    return at;
  }

  /** Sends what was put since the last call. */
  upload(): void {
    if (this.#used > 0) this.#queue.writeBuffer(this.buffer, 0, this.#bytes, 0, this.#used * SLOT_BYTES);
    this.#used = 0;
  }

  dispose(): void {
    this.buffer.destroy();
  }
}

/** Throws when a kernel has more scalars than a slot holds. */
export function checkScalars(kernel: BoundCall["kernel"]): void {
  const count = Object.keys(kernel.scalars).length;
  const most = SLOT_BYTES / 4 - GROUP_WORDS;
  if (count > most)
    throw new LimitError(`${kernel.name}: ${count} scalars`, {
      details: [`at most ${most}`],
      fix: "put them in a tensor",
    });
}
