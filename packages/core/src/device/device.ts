import type { Tape } from "../autograd/tape.ts";
import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { checkOptions } from "../config/validate.ts";
import { DeviceError, DisposedError, FeatureError, LimitError, ShapeError } from "../errors/index.ts";
import { quote } from "../errors/quote.ts";
import { DisposedByUsing } from "../foreign/dispose.ts";
import type { GPUBufferLike, PlatformGPUBuffer } from "../foreign/types.ts";
import { KERNEL_CALL } from "../kernel/define.ts";
import type { KernelCall, KernelDefinition } from "../kernel/definition.ts";
import { Accounting } from "../memory/accounting.ts";
import { ScopeStack } from "../memory/scope.ts";
import { Storage } from "../memory/storage.ts";
import { fill } from "../ops/fill.ts";
import { type RandomOptions, randomNormal, randomUniform } from "../ops/random.ts";
import type { HostTimes } from "../profile/host-times.ts";
import type { Profile, ProfileOptions } from "../profile/profile.ts";
import { runProfile } from "../profile/run-profile.ts";
import { ALLOCATION_ALIGN, BYTES, type DType } from "../tensor/dtype.ts";
import { checkElement, checkList, dtypeOf, encode, type HostNumbers } from "../tensor/encoding.ts";
import { rangeOf } from "../tensor/range.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import { Tensor, type TensorInit } from "../tensor/tensor.ts";
import type { Tree } from "../tensor/tree.ts";
import type { Backend, DeviceInfo, DeviceLimits, MemoryStats } from "./backend.ts";
import { bindCall, checkOnDevice, readBesideWrites } from "./bind.ts";
import { closedBackend } from "./closed-backend.ts";
import { coversBuffer } from "./covers.ts";
import { devices } from "./devices.ts";
import { type FromGPUBufferOptions, GPU_BUFFER_OPTIONS, storageOfGPUBuffer } from "./from-gpu-buffer.ts";
import { oddWindows, runStaged } from "./odd-windows.ts";
import { splitRandom, TENSOR_OPTIONS, type TensorOptions } from "./tensor-options.ts";

export type { TensorOptions } from "./tensor-options.ts";

/** An element count or offset in a copy. */
const ELEMENTS = field.optional(field.nonNegativeInteger());
const COPY_WINDOW = { from: ELEMENTS, to: ELEMENTS, count: ELEMENTS };
/** What comes here is checked by `checkOnDevice` and `encode`. */
const ANY = field.optional(field.any("anything"));
const WRITE = { tensor: ANY, values: ANY };
const COPY = { from: ANY, to: ANY, window: field.options<typeof COPY_WINDOW>(COPY_WINDOW) };
const EMPTY = { shape: field.shape(), options: field.options<TensorOptions>(TENSOR_OPTIONS) };
const FULL = { shape: EMPTY.shape, value: ANY, options: EMPTY.options };
const TENSOR = { values: ANY, shape: field.optional(EMPTY.shape), options: EMPTY.options };
const RANDOM = { shape: EMPTY.shape, options: field.any("an object") };
const WORK = { work: field.func() };
const PROFILE = { ...WORK, options: field.optional(field.any("an object")) };
const TRIM = { keepBytes: field.optional(field.nonNegativeInteger()) };

/** Of tensors of all devices: in a tree of several, none passes for another. */
let nextId = 1;

/**
 * A place where tensors live and kernels run: a GPU through WebGPU, or the CPU through WebAssembly. Made by `openDevice`.
 * Everything is queued in call order; `tensor.data()` and `sync()` are the only things that wait.
 */
export class Device extends DisposedByUsing {
  #backend: Backend;
  #interposed: Backend | undefined;
  readonly #accounting = new Accounting();
  readonly #scopes = new ScopeStack();
  #hostTimes: HostTimes | undefined;
  /** Hears of launches instead of the backend. */
  #dry: ((kernel: KernelDefinition, call: KernelCall) => void) | undefined;
  #disposed = false;
  /** The tape that records now, if any; set by `valueAndGrad`. */
  tape: Tape | undefined;
  /** Resolves with the reason when the device is lost; never for `dispose()`. */
  readonly lost: Promise<Error>;

  constructor(backend: Backend) {
    super();
    devices.add(this);
    this.#backend = backend;
    this.lost = backend.lost;
  }

  /** What this device is, and why it was chosen. */
  get info(): DeviceInfo {
    return this.#backend.info;
  }

  get limits(): DeviceLimits {
    return this.#backend.limits;
  }

  /** True after `dispose()`. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /**
   * Copies `values`, one flat list, to the device. A Uint16Array with dtype f16 is taken as raw half-precision words. The
   * dtype i32 becomes u32 where a value is above 2^31 - 1: nothing wraps, and ops that take i32 alone say so.
   *
   * @param shape - @defaultValue one axis of all values
   * @throws ShapeError when the values do not fill the shape; DtypeError for what is no number, and for what an integer dtype cannot hold
   */
  tensor(values: HostNumbers, shape?: Shape, options: TensorOptions = {}): Tensor {
    checkList("tensor", values);
    checkCall("tensor", TENSOR, arguments);
    const axes = shape ?? [values.length];
    checkShape("tensor", axes);
    if (values.length !== sizeOf(axes)) {
      throw new ShapeError(`tensor: ${values.length} values do not fill shape ${formatShape(axes)}`, {
        details: [`shape ${formatShape(axes)} holds ${sizeOf(axes)} elements`],
        fix: "pass as many values as the shape has elements",
      });
    }
    const dtype = dtypeOf(options.dtype ?? "f32", values);
    const bytes = encode("tensor", dtype, values); // before memory is taken: nothing to give back where a value is wrong
    return this.scope(() => {
      const tensor = this.empty(axes, { ...options, dtype });
      if (bytes.length > 0) this.#backend.upload(tensor.storage.buffer, tensor.storage.offset, bytes);
      return tensor;
    });
  }

  /**
   * Overwrites a tensor's elements with `values`, in queue order.
   *
   * @throws as {@link tensor}; DeviceError for a tensor of another device, DisposedError for one that was disposed of
   */
  write(tensor: Tensor, values: HostNumbers): void {
    this.#checkOpen("write");
    checkCall("write", WRITE, arguments);
    const storage = this.#storageOf("write", "tensor", tensor);
    checkList("write", values);
    if (values.length !== tensor.size) {
      throw new ShapeError(
        `write: ${values.length} values do not fill tensor "${tensor.label}" ${formatShape(tensor.shape)}`,
        {
          fix: `pass ${tensor.size} values`,
        },
      );
    }
    const bytes = encode("write", tensor.dtype, values);
    if (bytes.length === 0 || this.#dry) return;
    this.#leave(storage, bytes.length);
    this.#backend.upload(storage.buffer, storage.offset, bytes);
    storage.changed();
  }

  /** A tensor whose contents are undefined until something writes them. */
  empty(shape: Shape, options: TensorOptions = {}): Tensor {
    this.#checkOpen("empty");
    checkCall("empty", EMPTY, arguments);
    checkShape("empty", shape);
    const { dtype = "f32", label = "tensor" } = options;
    const bytes = bytesOf(shape, dtype);
    if (bytes > this.limits.maxTensorBytes) {
      throw new LimitError(`tensor "${label}" ${formatShape(shape)} needs ${bytes} bytes`, {
        details: [`largest tensor on this device: ${this.limits.maxTensorBytes} bytes`],
        fix: "split it along its first axis, or use f16",
      });
    }
    return this.adopt({ storage: this.#allocate(bytes, label), shape, dtype, label });
  }

  zeros(shape: Shape, options: TensorOptions = {}): Tensor {
    checkCall("zeros", EMPTY, arguments);
    checkShape("zeros", shape);
    return this.full(shape, 0, options);
  }

  full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
    checkCall("full", FULL, arguments);
    checkShape("full", shape);
    checkElement("full", options.dtype ?? "f32", value);
    return this.scope(() => fill(this.empty(shape, options), value));
  }

  /** Standard normal samples (Philox4x32-10; the same numbers on every backend). */
  randomNormal(shape: Shape, options: RandomOptions & TensorOptions): Tensor {
    checkCall("randomNormal", RANDOM, arguments);
    checkShape("randomNormal", shape);
    const { tensor, random } = splitRandom("randomNormal", options);
    return this.scope(() => randomNormal(this.empty(shape, tensor), random));
  }

  /** Uniform samples in [0, 1) (Philox4x32-10; the same numbers on every backend). */
  randomUniform(shape: Shape, options: RandomOptions & TensorOptions): Tensor {
    checkCall("randomUniform", RANDOM, arguments);
    checkShape("randomUniform", shape);
    const { tensor, random } = splitRandom("randomUniform", options);
    return this.scope(() => randomUniform(this.empty(shape, tensor), random));
  }

  /** Runs a kernel: checks tensors against its definition, and queues it. */
  run<T extends string, P extends string>(kernel: KernelDefinition<T, P>, call: KernelCall<T, P>): void {
    this.#checkOpen(kernel.name);
    checkOptions(kernel.name, KERNEL_CALL, call);
    if (this.#dry) this.#dry(kernel, call);
    else if (this.#hostTimes) this.#hostTimes.time(kernel.name, () => this.#launch(kernel, call));
    else this.#launch(kernel, call);
  }

  /**
   * Compiles what `work` would launch, in parallel and without running it, so that the first step is as fast as the rest.
   *
   * @param work - synchronous: queues launches. What it makes is freed; existing tensors stay as they are
   * @throws ShaderError for a kernel that does not compile, and what `work` throws
   * @example
   * ```ts
   * import { openDevice } from "@dilated/core";
   * import { attention } from "@dilated/kernels";
   * const device = await openDevice();
   * const q = device.randomNormal([1, 256, 4, 32], { seed: 1 });
   * await device.warmup(() => attention(q, q, q));
   * device.dispose();
   * ```
   */
  async warmup(work: () => unknown): Promise<void> {
    checkCall("warmup", WORK, arguments);
    const compiling: Promise<void>[] = [];
    this.dryRun(work, (kernel, call) => {
      const compiled = this.#backend.warmup(bindCall(this, kernel, call));
      compiled.catch(() => {}); // where `work` fails, nobody waits for it any more
      compiling.push(compiled);
    });
    await Promise.all(compiling);
  }

  /**
   * Internal: runs `work` without its launches, copies and writes, and frees its tensors. New tensors do get their values: a table that is made on the way
   * may be kept. `onLaunch` hears of each launch when it would be queued: only then do all its tensors live, since work disposes of temporaries as soon as it
   * has queued what uses them.
   */
  dryRun(work: () => unknown, onLaunch: (kernel: KernelDefinition, call: KernelCall) => void = () => {}): void {
    const outer = this.#dry;
    this.#dry = onLaunch;
    try {
      this.#scopes.run(() => void work());
    } finally {
      this.#dry = outer;
    }
  }

  /**
   * Copies elements between tensors of one dtype, in queue order; offsets and count in elements.
   *
   * @throws ShapeError for a window that is not inside both; DeviceError for tensors of another device, DisposedError for those that were disposed of
   */
  copy(from: Tensor, to: Tensor, window: { from?: number; to?: number; count?: number } = {}): void {
    this.#checkOpen("copy");
    checkCall("copy", COPY, arguments);
    const source = this.#storageOf("copy", "from", from);
    const destination = this.#storageOf("copy", "to", to);
    const { from: start = 0, to: target = 0, count = from.size } = window;
    const whole = [start, target, count].every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!whole || from.dtype !== to.dtype || start + count > from.size || target + count > to.size) {
      throw new ShapeError("copy: the window does not fit", {
        details: [`from ${from} at ${quote(start)}`, `to ${to} at ${quote(target)}`, `count ${quote(count)}`],
        fix: "use tensors of one dtype and a window of whole numbers inside both",
      });
    }
    if (count === 0 || this.#dry) return;
    const width = BYTES[from.dtype];
    const [at, into, bytes] = [start, target, count].map((n) => n * width) as [number, number, number];
    this.#leave(destination, bytes);
    const { buffer } = destination;
    this.#backend.copy(source.buffer, source.offset + at, buffer, destination.offset + into, bytes);
    destination.changed();
  }

  /**
   * Runs `work` and disposes of every tensor it made and did not return. `work` must be synchronous: it only queues.
   *
   * @example
   * ```ts
   * import { openDevice } from "@dilated/core";
   * import { mean, mul, square } from "@dilated/kernels";
   * const device = await openDevice();
   * const x = device.randomNormal([1024], { seed: 1 });
   * const loss = device.scope(() => mean(square(mul(x, x)))); // the squares are freed, the mean is not
   * device.dispose();
   * ```
   */
  scope<R extends Tree | void>(work: () => R): R {
    checkCall("scope", WORK, arguments);
    return this.#scopes.run(work);
  }

  /**
   * Internal: runs `work`, and where it throws disposes of every tensor it made: what takes memory in steps takes all
   * of it or none.
   */
  attempt<R>(work: () => R): R {
    checkCall("attempt", WORK, arguments);
    return this.#scopes.run(work, "all");
  }

  /**
   * Runs `work` and measures what it queued: device time by kernel from the GPU's timestamps (on WebAssembly by the clock, launch by launch), and
   * what queueing cost this thread. Waits for the device before and after; costs nothing while nobody profiles.
   *
   * @param work - may be asynchronous; what it returns is passed on
   * @throws DeviceError when this device is profiled already, or cannot be
   * @example
   * ```ts
   * import { formatProfile, openDevice } from "@dilated/core";
   * import { mean, square } from "@dilated/kernels";
   * const device = await openDevice();
   * const x = device.randomNormal([1024], { seed: 1 });
   * const { value, profile } = await device.profile(() => device.scope(() => mean(square(x))));
   * console.log(await value.item(), formatProfile(profile));
   * device.dispose();
   * ```
   */
  async profile<R>(work: () => R | Promise<R>, options: ProfileOptions = {}): Promise<{ value: R; profile: Profile }> {
    this.#checkOpen("profile");
    checkCall("profile", PROFILE, arguments);
    return runProfile(this.#backend, work, options, {
      start: (times) => {
        if (this.#hostTimes)
          throw new DeviceError("profile: this device is being profiled already", {
            fix: "profile the outer work only",
          });
        this.#hostTimes = times;
      },
      stop: () => {
        this.#hostTimes = undefined;
      },
    });
  }

  /** Waits until everything queued is done. */
  async sync(): Promise<void> {
    this.#checkOpen("sync");
    await this.#backend.sync();
  }

  /** Memory held by tensors and by the pool, bytes. */
  stats(): MemoryStats {
    return this.#accounting.stats(this.#backend.pooledBytes());
  }

  /** Starts a new measurement of `stats().peak`. */
  resetPeak(): void {
    this.#accounting.resetPeak();
  }

  /** Gives pooled memory back to the system, down to `keepBytes`. */
  trim(keepBytes = 0): void {
    checkCall("trim", TRIM, arguments);
    this.#backend.trim(keepBytes);
  }

  /** Frees the device. Tensors on it cannot be used any more; a borrowed GPUDevice is left alone. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#backend.dispose();
    this.#backend = closedBackend(this.#backend);
  }

  /** Internal: whether launches, copies and writes are left out. */
  get isDry(): boolean {
    return this.#dry !== undefined;
  }

  /** Internal: puts something in front of the backend, which stays there; the first who asks says what. */
  interpose<B extends Backend>(make: (backend: Backend) => B): B {
    this.#checkOpen("hostTask");
    if (!this.#interposed) this.#interposed = this.#backend = make(this.#backend);
    return this.#interposed as B;
  }

  /** Internal: a buffer for tensors that are to lie in it; the books have those, not it. */
  emptyBuffer(elements: number, dtype: DType): Tensor {
    this.#checkOpen("empty");
    const label = "joined tensors";
    return this.adopt({ storage: this.#allocate(elements * BYTES[dtype]), shape: [elements], dtype, label });
  }

  /**
   * Internal: a tensor that lies in `buffer` from element `at` on.
   *
   * @param label - undefined for memory that another tensor is going to move to, which is counted already
   */
  sliceOf(buffer: Tensor, at: number, shape: Shape, label?: string): Tensor {
    const { dtype } = buffer;
    const bytes = bytesOf(shape, dtype);
    const place = { offset: at * BYTES[dtype], bytes, joined: true };
    const storage = buffer.storage.slice(place, label === undefined ? undefined : this.#count(label, bytes));
    return this.adopt({ storage, shape, dtype, label: label ?? buffer.label });
  }

  /** Internal: wraps a storage as a new tensor handle, which belongs to the innermost scope. */
  adopt(init: Omit<TensorInit, "device" | "id"> & { id?: number }): Tensor {
    const tensor = new Tensor({ ...init, device: this, id: init.id ?? nextId++ });
    this.#scopes.track(tensor);
    return tensor;
  }

  /** Internal: what `Tensor.fromGPUBuffer` calls. */
  adoptGPUBuffer(buffer: GPUBufferLike, options: FromGPUBufferOptions): Tensor {
    this.#checkOpen("fromGPUBuffer");
    checkOptions("fromGPUBuffer", GPU_BUFFER_OPTIONS, options);
    const { shape, dtype = "f32", label = "gpu buffer" } = options;
    return this.adopt({ storage: storageOfGPUBuffer(this.#backend, buffer, options).pin(), shape, dtype, label });
  }

  /** Internal: what `tensor.bytes()` and `tensor.data()` call, with what they were given. */
  async readBytes(tensor: Tensor, caller: string, given: ArrayLike<unknown>): Promise<Uint8Array> {
    this.#checkOpen(caller);
    const { buffer, offset } = tensor.storage;
    const { begin, end } = rangeOf(caller, tensor, given);
    const width = BYTES[tensor.dtype];
    if (begin === end) return new Uint8Array(0);
    return this.#backend.read(buffer, offset + begin * width, (end - begin) * width);
  }

  /** Internal: what `tensor.gpuBuffer` gives. */
  gpuBufferOf(tensor: Tensor): PlatformGPUBuffer {
    const { storage } = tensor;
    const { waitsFor } = this.#backend;
    if (waitsFor !== undefined)
      throw new DeviceError(`gpuBuffer: what was queued waits for the host task ${waitsFor}`, {
        details: [String(tensor)],
        fix: "await device.sync() before",
      });
    if ("gpuBuffer" in storage.buffer) {
      if (storage.within) this.#separate(storage, storage.bytes);
      return (storage.pin().buffer as { gpuBuffer?: unknown }).gpuBuffer as PlatformGPUBuffer;
    }
    throw new FeatureError(`gpuBuffer: this device runs on ${this.info.backend}`, {
      fix: 'open it with { backend: "webgpu" }',
    });
  }

  #launch(kernel: KernelDefinition, call: KernelCall): void {
    const gpu = this.info.backend === "webgpu";
    if (gpu) for (const storage of readBesideWrites(kernel, call)) this.#separate(storage, storage.bytes);
    const bound = bindCall(this, kernel, call);
    if (!(gpu ? call.groups > 0 : call.items > 0)) return;
    const odd = oddWindows(kernel, call, bound, this.limits.offsetAlign);
    if (odd) return this.scope(() => runStaged(kernel, call, odd, (staged) => this.#launch(kernel, staged)));
    this.#backend.run(bound);
    for (const argument of bound.bound) argument?.written?.changed();
  }

  /**
   * A slice of a buffer all of which is about to be overwritten gets memory of its own, where something may have gone
   * wrong with the rest of the buffer: whoever writes new values has them, whatever became of the old ones.
   */
  #leave(storage: Storage, bytes: number): void {
    const whole = storage.joined && coversBuffer(storage, 0, bytes);
    if (whole && this.#backend.doubts?.(storage.buffer)) this.#separate(storage, 0);
  }

  /** Moves what lies beside others into a buffer of its own, with the first `bytes` of what it holds. */
  #separate(storage: Storage, bytes: number): void {
    const own = this.#allocate(storage.bytes);
    if (bytes > 0) this.#backend.copy(storage.buffer, storage.offset, own.buffer, 0, bytes);
    storage.swap(own);
    own.release();
  }

  #allocate(bytes: number, label?: string): Storage {
    const buffer = this.#backend.allocate(bytes);
    const free = (): void => {
      if (!this.#disposed) this.#backend.release(buffer);
    };
    return new Storage(buffer, free, label === undefined ? undefined : this.#count(label, bytes));
  }

  /** Counts memory as live; the result takes it off again. */
  #count(label: string, bytes: number): () => void {
    this.#accounting.add(label, bytes);
    return () => this.#accounting.remove(label, bytes);
  }

  /** What a tensor argument lies in, checked to be one, of this device, and alive. */
  #storageOf(caller: string, name: string, tensor: Tensor): Storage {
    checkOnDevice(this, caller, name, tensor);
    return tensor.storage;
  }

  #checkOpen(caller: string): void {
    if (this.#disposed)
      throw new DisposedError(`${caller}: the device was disposed`, { fix: "open a new one with openDevice()" });
  }
}

/** Memory of a tensor of this shape. */
function bytesOf(shape: Shape, dtype: DType): number {
  const exact = sizeOf(shape) * BYTES[dtype];
  return Math.max(ALLOCATION_ALIGN, Math.ceil(exact / ALLOCATION_ALIGN) * ALLOCATION_ALIGN);
}
