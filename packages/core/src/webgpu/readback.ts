import type { Recorder, Use } from "./encoder.ts";
import { type Faults, faultOf } from "./faults.ts";
import { MAP, roundUp, USAGE } from "./flags.ts";
import type { Lifetime } from "./lifetime.ts";
import { sizeClass } from "./size-class.ts";
import type { Work } from "./work.ts";

/** Large reads are mapped in pieces of this, so that they never need a second tensor's worth of host memory. */
const READ_CHUNK = 64 * 2 ** 20;

/** Chunks of one read that are on their way at a time. */
const AHEAD = 4;

/** Bytes of idle mapped-read buffers kept. */
const KEEP_BYTES = 2 * READ_CHUNK;

interface Chunk {
  /** Offset in the result. */
  readonly at: number;
  readonly size: number;
  readonly buffer: GPUBuffer;
  mapped: Promise<undefined> | undefined;
}

/** Copies GPU bytes to host memory, as they are at the moment of the call in queue order. */
export class Readback {
  readonly #device: GPUDevice;
  readonly #recorder: Recorder;
  readonly #life: Lifetime;
  readonly #faults: Faults;
  readonly #chunk: number;
  readonly #idle: GPUBuffer[] = [];
  readonly #all = new Set<GPUBuffer>();
  #idleBytes = 0;
  #fence: GPUBuffer | undefined;

  constructor(device: GPUDevice, recorder: Recorder, life: Lifetime, faults: Faults, chunk: number = READ_CHUNK) {
    this.#device = device;
    this.#recorder = recorder;
    this.#life = life;
    this.#faults = faults;
    this.#chunk = chunk;
  }

  /**
   * An owned array, aligned to 4. A long tensor comes in chunks, a few at a time; the recorder calls back before anything overwrites
   * what is not copied yet, so what is queued after this call never shows in the result.
   */
  async read(source: GPUBuffer, offset: number, bytes: number, use?: Use): Promise<Uint8Array> {
    const start = offset - (offset % 4);
    const span = roundUp(offset + bytes - start, 4);
    const chunks: Chunk[] = [];
    let next = 0;
    let sent = 0;
    const copyUpTo = (ahead: number): void => {
      for (; next < span && chunks.length < ahead; next += this.#chunk) {
        chunks.push(this.#copy(source, start + next, next, Math.min(this.#chunk, span - next), use));
      }
      this.#recorder.submit();
      sent = this.#recorder.submissions;
      for (const chunk of chunks) chunk.mapped ??= this.#map(chunk);
    };
    const copyAll = (): void => copyUpTo(Number.POSITIVE_INFINITY);
    const result = new Uint8Array(span);
    this.#recorder.protect(source, copyAll);
    try {
      copyUpTo(AHEAD);
      for (let chunk = chunks[0]; chunk; chunk = chunks[0]) {
        await this.#life.guard(chunk.mapped ?? Promise.resolve());
        if (this.#recorder.submissions === sent) this.#recorder.waited();
        result.set(new Uint8Array(chunk.buffer.getMappedRange(0, chunk.size)), chunk.at);
        chunks.shift();
        this.#give(chunk.buffer);
        if (next < span) copyUpTo(AHEAD);
      }
    } finally {
      this.#recorder.unprotect(source, copyAll);
      for (const { buffer } of chunks) this.#destroy(buffer);
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

  #copy(source: GPUBuffer, from: number, at: number, size: number, use?: Use): Chunk {
    const buffer = this.#take(size, use?.work);
    this.#recorder.copy(source, from, buffer, 0, size, use);
    return { at, size, buffer, mapped: undefined };
  }

  #map({ buffer, size }: Chunk): Promise<undefined> {
    const mapped = buffer.mapAsync(MAP.READ, 0, size);
    mapped.catch(() => {}); // whoever waits for the chunk hears of it; chunks behind a failed one have no one
    return mapped;
  }

  #take(bytes: number, work?: Work): GPUBuffer {
    const i = this.#idle.findIndex((buffer) => buffer.size >= bytes && buffer.size <= Math.max(4096, bytes * 4));
    const [known] = i < 0 ? [] : this.#idle.splice(i, 1);
    if (known) {
      this.#idleBytes -= known.size;
      return known;
    }
    const usage = USAGE.MAP_READ | USAGE.COPY_DST;
    const buffer = this.#faults.watch(
      this.#device,
      ["out-of-memory"],
      () => this.#device.createBuffer({ label: "dilated readback", size: sizeClass(bytes), usage }),
      (error, filter) => faultOf(error, filter, `data: ${bytes} bytes to read through`),
      (fault) => {
        if (fault) work?.settle(fault);
        return undefined; // whoever reads is told
      },
    );
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
