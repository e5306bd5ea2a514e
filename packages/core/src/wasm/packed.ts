import { inflateSync } from "fflate";
import type { WasmModule } from "../kernel/definition.ts";

/** The two builds of a module as the build inlines `.wasm` files: deflated, in base64; `relaxed` with `simd` as dictionary. */
export interface PackedBuilds {
  readonly simd: string;
  /** @defaultValue the module uses nothing of relaxed SIMD: one build serves both */
  readonly relaxed?: string;
}

/** A module that is unpacked when a device first loads it, and no sooner: importing the package costs nothing. */
export function packedModule(name: string, { simd, relaxed }: PackedBuilds): WasmModule {
  let plain: Uint8Array | undefined;
  const plainBytes = (): Uint8Array => {
    plain ??= inflateSync(bytesOf(simd));
    return plain;
  };
  return {
    name,
    get simd() {
      return plainBytes();
    },
    get relaxed() {
      return relaxed === undefined ? plainBytes() : inflateSync(bytesOf(relaxed), { dictionary: plainBytes() });
    },
  };
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
