import { readFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";

/**
 * A WebAssembly module as it ships: deflated, then base64, which a server's gzip makes a quarter smaller than base64 of the module itself. The relaxed build is
 * deflated with the plain one, its sibling, as dictionary. `packedModule` of @dilated/core unpacks both.
 * @param {string} path
 * @returns {string}
 */
export function packWasm(path) {
  const relaxed = path.endsWith(".relaxed.wasm");
  const dictionary = relaxed ? readFileSync(path.replace(/\.relaxed\.wasm$/, ".simd.wasm")) : undefined;
  return deflateRawSync(readFileSync(path), { level: 9, dictionary }).toString("base64");
}
