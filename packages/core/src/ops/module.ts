import relaxed from "../../build/core.relaxed.wasm";
import simd from "../../build/core.simd.wasm";
import type { WasmModule } from "../kernel/definition.ts";

/** The WebAssembly kernels of this package. */
export const coreModule: WasmModule = { name: "core", simd, relaxed };
