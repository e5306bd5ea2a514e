import type { DType } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Type of a scalar parameter of a kernel. */
export type ScalarType = "u32" | "i32" | "f32";

/**
 * How a WGSL body sees a tensor `x`.
 *
 * - `vec4`: `load_x(i: u32) -> vec4f` and, when writable, `store_x(i: u32, v: vec4f)`; `i` counts groups of four elements. f16 tensors
 *   are bound as packed pairs, so one body serves f32 and f16. (i32/u32 tensors: `vec4i`/`vec4u`.)
 * - `scalar`: `load_x(i) -> f32` one element at a time; writable only for 4-byte dtypes (two f16 share a word).
 * - `raw`: the variable `x: array<T>` itself, `T` = f32, i32, u32, or f16 (needs the `shader-f16` feature): for kernels of your own.
 * - `blocks`: the variable `x: array<vec4u>` itself, 16 bytes an element whatever the dtype: four f32, or eight f16 for `subgroupMatrixLoad`.
 */
export type TensorView = "vec4" | "scalar" | "raw" | "blocks";

/** One tensor of a kernel. A kernel may leave an `optional` one out; its binding then disappears and `HAS_X` (upper-cased name) is false. */
export interface TensorSlot {
  readonly access: "read" | "write" | "read_write";
  readonly view: TensorView;
  readonly optional?: boolean;
  /** The dtype that the body is written for, where it takes only one; also types the stub of an absent tensor. @defaultValue any; stubs are f32 */
  readonly dtype?: DType;
}

/** WGSL side of a kernel. */
export interface WgslSource {
  /**
   * Static WGSL text, put behind the generated prelude. The prelude declares `params` (the scalars), every tensor's view, every constant,
   * `HAS_<NAME>` for optional tensors, and `fn group_index(w: vec3u) -> u32`, which gives the flat index of the workgroup. The entry point is `main`;
   * it must return at once when `group_index(w) >= params.group_count`. That is where this launch ends, not the number of all groups: a long
   * call is cut in several launches. Directives (`#for`, `#if`, `#let`, `$(…)`; see `expandWgsl`) are expanded with the constants first. Names that WGSL reserves (`target`, `filter`, ...) cannot be scalars or `raw` tensors.
   */
  readonly source: string;
  /** Features that the body needs, e.g. `subgroups`. The prelude writes the `enable` lines. */
  readonly features?: readonly string[];
}

/** A compiled AssemblyScript module of a package: the plain SIMD build and the relaxed-SIMD one. */
export interface WasmModule {
  readonly name: string;
  readonly simd: Uint8Array;
  readonly relaxed: Uint8Array;
}

/** A build of a module as it is inlined: deflated, in base64. */
export type PackedBuild = () => Promise<{ readonly default: string }>;

/** A module whose builds are loaded when a WebAssembly device needs them; made by `packedModule`. */
export interface PackedWasmModule {
  readonly name: string;
  readonly builds: {
    readonly simd: PackedBuild;
    /** With `simd` as dictionary. Absent: the module uses nothing of relaxed SIMD, and one build serves both. */
    readonly relaxed?: PackedBuild | undefined;
  };
}

/** WebAssembly side of a kernel: an export `(params, begin, end, scratch)`; words are the tensors' addresses, then the scalars, in order. */
export interface WasmEntry {
  readonly module: WasmModule | PackedWasmModule;
  readonly entry: string;
}

/**
 * A kernel is data: what it is called, which tensors and scalars it takes, and its body for each backend.
 * Everything that varies between calls is in {@link KernelCall}.
 */
export interface KernelDefinition<T extends string = string, P extends string = string> {
  /** Unique name; labels pipelines and errors. */
  readonly name: string;
  /** Tensors in binding order. */
  readonly tensors: Readonly<Record<T, TensorSlot>>;
  /** Scalars in order; they become `params.<name>` in WGSL and words behind the addresses in WebAssembly. */
  readonly scalars: Readonly<Record<P, ScalarType>>;
  readonly wgsl?: WgslSource;
  readonly wasm?: WasmEntry;
}

/**
 * A tensor, or a window of it: `offset` and `length` in elements. On WebGPU a window that does not start at a multiple
 * of 256 bytes, or that is written by fours and ends between them, goes through a copy.
 */
export type TensorArgument = Tensor | { readonly tensor: Tensor; readonly offset: number; readonly length: number };

/** One launch of a kernel. */
export interface KernelCall<T extends string = string, P extends string = string> {
  readonly tensors: Readonly<Partial<Record<T, TensorArgument | undefined>>>;
  readonly scalars: Readonly<Record<P, number>>;
  /** WGSL compile-time constants, part of the pipeline's key: integers become `u32`, other numbers `f32`, booleans `bool`. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
  /** WebGPU: number of workgroups (flat; the device folds it into x, y, z and splits it where a submission would run too long). */
  readonly groups: number;
  /** WebAssembly: number of independent work items. */
  readonly items: number;
  /** WebAssembly: private bytes each thread needs. @defaultValue 0 */
  readonly scratchBytes?: number;
  /** Estimated floating-point operations, for the watchdog; memory-bound kernels may leave it out. @defaultValue 0 */
  readonly flops?: number;
  /** For the watchdog alone: the operations of a launch that has work in rare cases, and returns at once in others. @defaultValue `flops` */
  readonly mostFlops?: number;
}
