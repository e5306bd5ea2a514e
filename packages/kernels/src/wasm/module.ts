import { type PackedWasmModule, packedModule } from "@dilated/core";

/** The AssemblyScript kernels of this package; compiled by `tooling/build-wasm.mjs`. */
export const kernelsModule: PackedWasmModule = packedModule("kernels", {
  simd: () => import("../../build/kernels.simd.wasm"),
  relaxed: () => import("../../build/kernels.relaxed.wasm"),
});
