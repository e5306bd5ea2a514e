import { buildWasm, packagesWithAssembly } from "../build-wasm.mjs";

/** The WebAssembly modules are not committed: bring them up to date before any test imports them. */
export async function setup(): Promise<void> {
  for (const folder of packagesWithAssembly()) await buildWasm(folder);
}
