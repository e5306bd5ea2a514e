import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { stripWgsl } from "../config/wgsl.mjs";

/** Inlines `.wgsl` as text and `.wasm` as bytes, as tsup does in the build. */
export function assets(): Plugin {
  return {
    name: "dilated:assets",
    enforce: "pre",
    load(id) {
      if (id.endsWith(".wgsl")) return `export default ${JSON.stringify(stripWgsl(readFileSync(id, "utf8")))};`;
      if (!id.endsWith(".wasm")) return undefined;
      const text = JSON.stringify(readFileSync(id, "base64"));
      return `export default Uint8Array.from(atob(${text}), (character) => character.charCodeAt(0));`;
    },
  };
}
