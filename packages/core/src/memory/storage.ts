import type { BackendBuffer } from "../device/backend.ts";

/** Part of the buffer of another storage. */
export interface StoragePlace {
  readonly within: Storage;
  /** Bytes. */
  readonly offset: number;
  /** Bytes. */
  readonly bytes: number;
  /** Memory of one tensor, of which no other slice holds a part but for runs. */
  readonly joined: boolean;
}

/**
 * A reference-counted buffer, or a slice of one. Tensors that share it (views, and what the tape keeps for backward)
 * each hold one reference; the buffer goes back to the pool with the last one, and that of slices with the last slice.
 */
export class Storage {
  #references = 1;
  /** Writes to all of it, and to its slices. */
  #version = 0;
  #sliceVersion = 0;
  #pinned = false;
  #buffer: BackendBuffer;
  #free: () => void;
  readonly #uncount: () => void;
  #place: StoragePlace | undefined;

  /**
   * @param free - gives the memory back
   * @param uncount - takes it off the books, which go by tensors, wherever those lie
   */
  constructor(buffer: BackendBuffer, free: () => void, uncount: () => void = () => {}, place?: StoragePlace) {
    this.#buffer = buffer;
    this.#free = free;
    this.#uncount = uncount;
    this.#place = place;
  }

  get buffer(): BackendBuffer {
    return this.#buffer;
  }

  /** Where in the buffer it starts, bytes. */
  get offset(): number {
    return this.#place?.offset ?? 0;
  }

  /** Bytes from there on, a multiple of 16. */
  get bytes(): number {
    return this.#place?.bytes ?? this.#buffer.bytes;
  }

  /** Whether it is the memory of one tensor beside those of others, rather than a run of several. */
  get joined(): boolean {
    return this.#place?.joined ?? false;
  }

  /** What it is a slice of. */
  get within(): Storage | undefined {
    return this.#place?.within;
  }

  /** Whether it must stay where it is: somebody outside knows its buffer. */
  get pinned(): boolean {
    return this.#pinned;
  }

  get references(): number {
    return this.#references;
  }

  /**
   * Grows with everything that is queued to write it; backward compares it with what it was when a tensor was saved.
   */
  get version(): number {
    const { within } = this;
    return this.#version + (within ? within.#version : this.#sliceVersion);
  }

  changed(): void {
    const { within } = this;
    if (within && !this.joined) {
      within.#version += 1; // a run: of which tensors, nobody knows
      return;
    }
    this.#version += 1;
    if (within) within.#sliceVersion += 1;
  }

  retain(): this {
    this.#references += 1;
    return this;
  }

  release(): void {
    this.#references -= 1;
    if (this.#references > 0) return;
    this.#uncount();
    this.#free();
  }

  pin(): this {
    this.#pinned = true;
    return this;
  }

  /** A part of it, which keeps all of it; one reference. */
  slice(place: Omit<StoragePlace, "within">, uncount?: () => void): Storage {
    this.retain();
    return new Storage(this.#buffer, () => this.release(), uncount, { ...place, within: this });
  }

  /** Trades places with `other`, whose contents were made the same: tensors do not notice. */
  swap(other: Storage): void {
    const [mine, theirs] = [this.version, other.version];
    [this.#buffer, other.#buffer] = [other.#buffer, this.#buffer];
    [this.#free, other.#free] = [other.#free, this.#free];
    [this.#place, other.#place] = [other.#place, this.#place];
    this.#version += mine - this.version;
    other.#version += theirs - other.version;
  }
}
