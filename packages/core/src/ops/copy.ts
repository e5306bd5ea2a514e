import type { WasmEntry } from "../kernel/definition.ts";
import { coreModule } from "./module.ts";

/** Moves bytes in the shared memory; words: from, to, bytes, bytes an item. The WebAssembly backend calls it by itself. */
export const copyKernel: { readonly name: string; readonly wasm: WasmEntry } = {
  name: "copy",
  wasm: { module: coreModule, entry: "copyBytes" },
};
