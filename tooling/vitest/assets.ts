import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { packWasm } from "../config/wasm.mjs";
import { stripWgsl } from "../config/wgsl.mjs";

/** Inlines `.wgsl` as text and `.wasm` packed, as tsup does in the build. */
export function assets(): Plugin {
  return {
    name: "dilated:assets",
    enforce: "pre",
    load(id) {
      if (id.endsWith(".wgsl")) return `export default ${JSON.stringify(stripWgsl(readFileSync(id, "utf8")))};`;
      return id.endsWith(".wasm") ? `export default ${JSON.stringify(packWasm(id))};` : undefined;
    },
  };
}
