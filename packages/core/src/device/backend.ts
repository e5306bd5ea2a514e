import type { GPUBufferLike } from "../foreign/types.ts";
import type { KernelCall, KernelDefinition } from "../kernel/definition.ts";
import type { Storage } from "../memory/storage.ts";
import type { ProfileDetail, Timer } from "../profile/timing.ts";
import type { DType } from "../tensor/dtype.ts";

/** A piece of device memory that a backend handed out. Opaque to everything but its backend. */
export interface BackendBuffer {
  /** Usable bytes, a multiple of 16. */
  readonly bytes: number;
}

/** What a device says about itself. */
export interface DeviceInfo {
  readonly backend: "webgpu" | "wasm";
  /** `matrix`, `vector` or `baseline` on WebGPU; `relaxed-simd` or `simd` on WebAssembly. */
  readonly tier: "matrix" | "vector" | "baseline" | "relaxed-simd" | "simd";
  /** Name of the adapter, or of the processor as far as it is known. */
  readonly adapter: string;
  /** WebAssembly threads; 1 on WebGPU. */
  readonly threads: number;
  /** True when the adapter is software (SwiftShader, lavapipe): right, but not fast. */
  readonly software: boolean;
  /** Why this device was chosen, one sentence. */
  readonly reason: string;
  /** WebGPU features that are on. */
  readonly features: readonly string[];
  /** WebGPU: whether the GPU checks every access; false where the device was opened with `robustness: false`. */
  readonly robustness?: boolean;
  /** Shapes of the adapter's matrix units; empty where there are none, or where the platform does not say. Usable in tier `matrix`. */
  readonly matrix?: readonly MatrixShape[];
}

/** One product that a GPU's matrix units do: result [M, N] += operand [M, K] · operand [K, N]. */
export interface MatrixShape {
  /** WGSL type of the operands: `f16`, `f32`, … */
  readonly operand: string;
  readonly result: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Invocations of a subgroup, where that is fixed. */
  readonly lanes?: number;
}

/** Sizes that kernels and planners must respect. */
export interface DeviceLimits {
  /** Largest piece of a tensor that one kernel binding can see, bytes. */
  readonly maxBindingBytes: number;
  /** Largest tensor, bytes. */
  readonly maxTensorBytes: number;
  /** Window offsets are multiples of this, bytes; the device copies what starts elsewhere. */
  readonly offsetAlign: number;
  readonly maxWorkgroupMemory: number;
  readonly maxWorkgroupSize: number;
  /** Tensors that one kernel can bind. */
  readonly maxKernelTensors: number;
}

/** Bytes a device holds. `peak` is the highest sum of live and pooled since opening or `resetPeak()`. */
export interface MemoryStats {
  /** Bytes of tensors that are alive. */
  readonly live: number;
  /** Bytes kept for reuse. */
  readonly pooled: number;
  /** Highest `live` seen. */
  readonly peak: number;
  /** Number of live tensors' buffers. */
  readonly buffers: number;
  /** Live bytes by tensor label. */
  readonly byLabel: Readonly<Record<string, number>>;
}

/** A tensor argument as a backend sees it: a window of a buffer. */
export interface BoundTensor {
  readonly buffer: BackendBuffer;
  readonly dtype: DType;
  /** Bytes. */
  readonly offset: number;
  /** Bytes, rounded up to 16 where the buffer allows. */
  readonly bytes: number;
  /** What the launch writes. */
  readonly written?: Storage | undefined;
}

/** A launch whose tensors were checked and resolved: same order as the definition; absent optional tensors are undefined. */
export interface BoundCall extends Omit<KernelCall, "tensors"> {
  readonly kernel: KernelDefinition;
  readonly bound: readonly (BoundTensor | undefined)[];
}

/**
 * What a device needs from the machine underneath. Everything but `read` and `sync` is queued and returns at once; work happens in
 * the order of the calls, so a released buffer may be handed out again immediately.
 */
export interface Backend {
  readonly info: DeviceInfo;
  readonly limits: DeviceLimits;
  /** Resolves once when the device is lost (never for `dispose()`); the value says why. */
  readonly lost: Promise<Error>;
  /** Contents are undefined. Throws OutOfMemoryError over the budget. */
  allocate(bytes: number): BackendBuffer;
  release(buffer: BackendBuffer): void;
  /** WebGPU: a buffer from outside, of which tensors use the first `bytes`; `own` destroys it on release. */
  adopt?(buffer: GPUBufferLike, bytes: number, own: boolean): BackendBuffer;
  upload(buffer: BackendBuffer, offset: number, data: Uint8Array): void;
  read(buffer: BackendBuffer, offset: number, bytes: number): Promise<Uint8Array>;
  copy(from: BackendBuffer, fromOffset: number, to: BackendBuffer, toOffset: number, bytes: number): void;
  run(call: BoundCall): void;
  /** Resolves when `run` can take the call, whose code is still to be loaded; undefined where it can now. */
  loading?(call: BoundCall): Promise<void> | undefined;
  /** Compiles a call's kernel, beside others, without running it. */
  warmup(call: BoundCall): Promise<void>;
  /** Sends what is queued, where it would otherwise wait for more. */
  flush?(): void;
  /** Sends what is queued, and resolves when the device has done it. */
  sync(): Promise<void>;
  /** Starts to time launches; called with nothing queued. Absent: this backend cannot. */
  startTiming?(detail: ProfileDetail): Timer;
  /** Whether something may have gone wrong, or still may, with what a buffer holds. Absent: nothing ever does. */
  doubts?(buffer: BackendBuffer): boolean;
  /** The host task that calls wait for now, where they do. */
  readonly waitsFor?: string | undefined;
  /** Bytes kept for reuse. */
  pooledBytes(): number;
  /** Gives pooled memory back, down to `keepBytes`. */
  trim(keepBytes: number): void;
  dispose(): void;
}
