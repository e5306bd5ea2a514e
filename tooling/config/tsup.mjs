import { defineConfig } from "tsup";

const shared = {
  format: ["esm"],
  target: "es2022",
  sourcemap: true,
  clean: true,
  loader: { ".wgsl": "text", ".wasm": "binary" },
};

/** A published package: ESM, types, WGSL and WebAssembly inlined. `external` names imports left for the user's resolver. */
export const library = (entry = { index: "src/index.ts" }, external = []) =>
  defineConfig({
    ...shared,
    entry,
    external,
    // tsup's declaration worker sets `baseUrl`, which TypeScript 6 calls deprecated.
    dts: { compilerOptions: { ignoreDeprecations: "6.0" } },
  });

/** A program of `apps/`: runs on Node, imports the built packages. */
export const program = (entry) => defineConfig({ ...shared, entry, platform: "node" });
