import type { Recorder } from "./encoder.ts";
import { MAP, roundUp, USAGE } from "./flags.ts";
import type { Lifetime } from "./lifetime.ts";
import { sizeClass } from "./size-class.ts";

/** Large reads are mapped in pieces of this, so that one mapping never needs a tensor's worth of host address space. */
export const READ_CHUNK: number = 64 * 2 ** 20;

/** Bytes of idle mapped-read buffers kept. */
const KEEP_BYTES = 2 * READ_CHUNK;

/** Copies GPU bytes to host memory, as they are at the moment of the call in queue order. */
export class Readback {
  readonly #device: GPUDevice;
  readonly #recorder: Recorder;
  readonly #life: Lifetime;
  readonly #idle: GPUBuffer[] = [];
  readonly #all = new Set<GPUBuffer>();
  #idleBytes = 0;
  #fence: GPUBuffer | undefined;

  constructor(device: GPUDevice, recorder: Recorder, life: Lifetime) {
    this.#device = device;
    this.#recorder = recorder;
    this.#life = life;
  }

  /** An owned array, aligned to 4. All copies are recorded before the first wait: what is queued later does not show in the result. */
  async read(source: GPUBuffer, offset: number, bytes: number): Promise<Uint8Array> {
    const start = offset - (offset % 4);
    const span = roundUp(offset + bytes - start, 4);
    const parts: { readonly at: number; readonly size: number; readonly buffer: GPUBuffer }[] = [];
    for (let at = 0; at < span; at += READ_CHUNK) {
      const size = Math.min(READ_CHUNK, span - at);
      const buffer = this.#take(size);
      this.#recorder.copy(source, start + at, buffer, 0, size);
      parts.push({ at, size, buffer });
    }
    this.#recorder.submit();
    const result = new Uint8Array(span);
    const mapped = parts.map(({ buffer, size }) => buffer.mapAsync(MAP.READ, 0, size));
    for (const map of mapped) map.catch(() => {}); // only the first failure is reported
    try {
      for (const [i, { at, size, buffer }] of parts.entries()) {
        await this.#life.guard(mapped[i] ?? Promise.resolve());
        result.set(new Uint8Array(buffer.getMappedRange(0, size)), at);
        this.#give(buffer);
      }
    } catch (error) {
      for (const { buffer } of parts) this.#destroy(buffer);
      throw error;
    }
    return offset === start ? result.subarray(0, bytes) : result.slice(offset - start, offset - start + bytes);
  }

  /**
   * Resolves when everything recorded so far is done. A read of a few bytes rather than `onSubmittedWorkDone`, which resolves on a lost
   * device too, as if the work had been done.
   */
  async fence(): Promise<void> {
    this.#fence ??= this.#device.createBuffer({ label: "dilated fence", size: 16, usage: USAGE.COPY_SRC });
    await this.read(this.#fence, 0, 4);
  }

  /** Gives idle buffers back. */
  trim(): void {
    for (const buffer of this.#idle.splice(0)) this.#destroy(buffer);
    this.#idleBytes = 0;
  }

  dispose(): void {
    for (const buffer of this.#all) this.#destroy(buffer);
    this.#fence?.destroy();
  }

  #take(bytes: number): GPUBuffer {
    const i = this.#idle.findIndex((buffer) => buffer.size >= bytes && buffer.size <= Math.max(4096, bytes * 4));
    const [known] = i < 0 ? [] : this.#idle.splice(i, 1);
    if (known) {
      this.#idleBytes -= known.size;
      return known;
    }
    const buffer = this.#device.createBuffer({
      label: "dilated readback",
      size: sizeClass(bytes),
      usage: USAGE.MAP_READ | USAGE.COPY_DST,
    });
    this.#all.add(buffer);
    return buffer;
  }

  #give(buffer: GPUBuffer): void {
    buffer.unmap();
    if (this.#idleBytes + buffer.size > KEEP_BYTES || this.#life.ended) {
      this.#destroy(buffer);
      return;
    }
    this.#idle.push(buffer);
    this.#idleBytes += buffer.size;
  }

  #destroy(buffer: GPUBuffer): void {
    this.#all.delete(buffer);
    buffer.destroy();
  }
}
