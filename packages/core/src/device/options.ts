import type { GPUDeviceLike } from "../foreign/types.ts";

/** Where to compute, and with how much. */
export interface OpenDeviceOptions {
  /**
   * `auto` takes a hardware GPU when there is one and WebAssembly otherwise, and says why in `device.info.reason`.
   * @defaultValue "auto"
   */
  readonly backend?: "auto" | "webgpu" | "wasm" | undefined;
  /** Borrow a GPUDevice of yours: it is used, and never destroyed. Implies WebGPU. */
  readonly gpuDevice?: GPUDeviceLike | undefined;
  /** Which GPU to ask for. @defaultValue "high-performance" */
  readonly powerPreference?: "low-power" | "high-performance" | undefined;
  /** Let WebGPU run on a software adapter (SwiftShader, lavapipe): right, but slower than WebAssembly. @defaultValue false */
  readonly allowSoftware?: boolean | undefined;
  /** Highest WebGPU tier to use; lower ones are for testing. @defaultValue "matrix": f16 tensors use matrix units where the adapter has them */
  readonly tier?: "baseline" | "vector" | "matrix" | undefined;
  /**
   * Whether the GPU checks every access against the end of its buffer, as WebGPU promises. `false` can make kernels of yours faster and takes that promise
   * away: one with a wrong index may then read or overwrite other memory of the process, or lose the device. The kernels of this library stay inside their
   * buffers by themselves and gain little or nothing: attention on matrix units is slower without the checks. Node only: a page cannot choose.
   * @defaultValue true
   */
  readonly robustness?: boolean | undefined;
  /** WebAssembly threads. @defaultValue the number of cores; 1 where shared memory cannot be passed to workers */
  readonly threads?: number | undefined;
  /** WebAssembly build. @defaultValue "auto": relaxed SIMD where the engine has it */
  readonly simd?: "auto" | "simd" | "relaxed-simd" | undefined;
  /** Bytes that tensors and pool may take together; more throws OutOfMemoryError before work starts. @defaultValue what the backend allows */
  readonly memoryBudget?: number | undefined;
  /**
   * Bytes that the pool may keep for reuse.
   * @defaultValue a quarter of the budget; without one, whatever keeps live and pooled memory under 1.25 times the most that was live (WebGPU)
   */
  readonly poolBytes?: number | undefined;
  /**
   * Largest binding, bytes: lower than the device's for testing. WebAssembly has no bindings: ops cut their work there,
   * too, where they can, and take what cannot be cut whole.
   * @defaultValue the device's limit
   */
  readonly maxBindingBytes?: number | undefined;
}
