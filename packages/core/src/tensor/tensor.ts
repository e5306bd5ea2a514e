import { show } from "../config/show.ts";
import type { Device } from "../device/device.ts";
import type { FromGPUBufferOptions } from "../device/from-gpu-buffer.ts";
import { ConfigError, DisposedError, ShapeError } from "../errors/index.ts";
import { DisposedByUsing } from "../foreign/dispose.ts";
import type { GPUBufferLike, PlatformGPUBuffer } from "../foreign/types.ts";
import type { Storage } from "../memory/storage.ts";
import { pauses } from "../platform/pauses.ts";
import { BYTES, type DType, type TensorData } from "./dtype.ts";
import { decode } from "./encoding.ts";
import { f16ToF32 } from "./float16.ts";
import type { ReadRange } from "./range.ts";
import { formatShape, type Shape, sizeOf } from "./shape.ts";

/** What a tensor is made from; internal to the library, use `device.tensor` and its siblings. */
export interface TensorInit {
  readonly device: Device;
  readonly storage: Storage;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly label: string;
  /** Identity for the tape; aliases of one value share it. */
  readonly id: number;
}

/**
 * A contiguous, row-major array on a device. Operations on it are queued and return at once; only reading waits.
 * Free it with `dispose()`, `using`, or `device.scope`; double dispose is harmless.
 */
export class Tensor extends DisposedByUsing {
  readonly device: Device;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly label: string;
  /** Identity for the tape. */
  readonly id: number;
  #storage: Storage | undefined;

  constructor(init: TensorInit) {
    super();
    this.device = init.device;
    this.shape = Object.freeze([...init.shape]);
    this.dtype = init.dtype;
    this.label = init.label;
    this.id = init.id;
    this.#storage = init.storage;
  }

  /**
   * A tensor over a GPUBuffer of yours, on the device that was opened with its GPUDevice. Nothing is copied; submit your own work on the
   * buffer before you queue work on the tensor, and take `tensor.gpuBuffer` again before you submit more.
   *
   * @throws ConfigError when usages are missing; LimitError when the buffer is too small.
   */
  static fromGPUBuffer(device: Device, buffer: GPUBufferLike, options: FromGPUBufferOptions): Tensor {
    return device.adoptGPUBuffer(buffer, options);
  }

  /** By what only this class can have made: neither a Proxy nor what has its prototype alone is a tensor. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && #storage in value;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Bytes of the elements (the buffer may be a few bytes longer). */
  get byteLength(): number {
    return this.size * BYTES[this.dtype];
  }

  get disposed(): boolean {
    return this.#storage === undefined;
  }

  /** The buffer underneath; for kernels. Throws DisposedError after `dispose()`. */
  get storage(): Storage {
    if (!this.#storage) {
      throw new DisposedError(`tensor "${this.label}" ${formatShape(this.shape)} was used after it was disposed`, {
        fix: "keep it alive: return it from the scope, or dispose it later",
      });
    }
    return this.#storage;
  }

  /** The WebGPU buffer that holds the elements; throws FeatureError on another backend. */
  get gpuBuffer(): PlatformGPUBuffer {
    return this.device.gpuBufferOf(this);
  }

  /**
   * Reads the elements, or those of a range; f16 comes as Float32Array. Waits for everything queued before.
   *
   * @throws ShapeError for a range outside the tensor; ConfigError for an unknown option.
   */
  async data(...given: [range?: ReadRange]): Promise<TensorData> {
    const bytes = await this.device.readBytes(this, "data", given);
    const size = bytes.byteLength / BYTES[this.dtype];
    return this.dtype === "f16" ? widen(bytes, size) : decode(this.dtype, bytes, size);
  }

  /** Reads the raw little-endian bytes of the elements; ranges and errors as in {@link data}. */
  async bytes(...given: [range?: ReadRange]): Promise<Uint8Array> {
    return this.device.readBytes(this, "bytes", given);
  }

  /** Reads the only element of a tensor of size 1. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(`item: tensor "${this.label}" has ${this.size} elements, not 1`, {
        details: [`shape: ${formatShape(this.shape)}`],
        fix: "use data() for more than one element",
      });
    }
    return (await this.data())[0] ?? Number.NaN;
  }

  /**
   * Another handle on the same value: shares memory and identity, and is disposed on its own.
   *
   * @throws ConfigError for a label that is no text; DisposedError after `dispose()`
   */
  alias(label: string = this.label): Tensor {
    if (typeof label !== "string" || arguments.length > 1) {
      throw new ConfigError("alias: takes one argument: label, a string", {
        details: [`label: ${Array.from(arguments, show).join(", ")}`],
        fix: "leave it out to keep the label",
      });
    }
    return this.device.adopt({
      storage: this.storage.retain(),
      shape: this.shape,
      dtype: this.dtype,
      label,
      id: this.id,
    });
  }

  /** Internal: an alias that belongs to no scope; whoever asks for it disposes of it. */
  detachedAlias(): Tensor {
    return new Tensor({
      device: this.device,
      storage: this.storage.retain(),
      shape: this.shape,
      dtype: this.dtype,
      label: this.label,
      id: this.id,
    });
  }

  dispose(): void {
    const storage = this.#storage;
    this.#storage = undefined;
    storage?.release();
  }

  override toString(): string {
    return `Tensor(${this.label} ${this.dtype}${formatShape(this.shape)} on ${this.device.info.backend}${this.disposed ? ", disposed" : ""})`;
  }
}

/** Halves as f32, in parts between which the event loop has its turn. */
async function widen(bytes: Uint8Array, size: number): Promise<Float32Array> {
  const words = new Uint16Array(bytes.buffer, bytes.byteOffset, size);
  if (size <= WIDENED_AT_ONCE) return f16ToF32(words);
  const pause = pauses();
  const values = new Float32Array(size);
  for (let at = 0; at < size; at += WIDENED_AT_ONCE) {
    values.set(f16ToF32(words.subarray(at, at + WIDENED_AT_ONCE)), at);
    await pause();
  }
  return values;
}

const WIDENED_AT_ONCE = 2 ** 20;
