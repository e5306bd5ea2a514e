import { packedModule, type WasmModule } from "@dilated/core";
import relaxed from "../../build/kernels.relaxed.wasm";
import simd from "../../build/kernels.simd.wasm";

/** The AssemblyScript kernels of this package; compiled by `tooling/build-wasm.mjs`. */
export const kernelsModule: WasmModule = packedModule("kernels", { simd, relaxed });
