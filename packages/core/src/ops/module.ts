import type { PackedWasmModule } from "../kernel/definition.ts";
import { packedModule } from "../wasm/packed.ts";

/** The WebAssembly kernels of this package. They do no multiply-add, which is all that relaxed SIMD would change. */
export const coreModule: PackedWasmModule = packedModule("core", { simd: () => import("../../build/core.simd.wasm") });
