import type { PackedWasmModule } from "../kernel/definition.ts";

/**
 * The packed modules of this program. Devices on WebAssembly load those that are here when they open; one that comes
 * later is waited for where its first kernel runs.
 */
export const packedModules: Set<PackedWasmModule> = new Set();

/**
 * A module whose builds are chunks of their own, which nothing but a WebAssembly device loads: importing the package
 * costs a GPU's program nothing.
 */
export function packedModule(name: string, builds: PackedWasmModule["builds"]): PackedWasmModule {
  const module = { name, builds };
  packedModules.add(module);
  return module;
}
