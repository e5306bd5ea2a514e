import { readFileSync } from "node:fs";
import { defineConfig } from "tsup";
import { packWasm } from "./wasm.mjs";
import { stripWgsl } from "./wgsl.mjs";

/** Inlines `.wgsl` as text and `.wasm` packed; an esbuild plugin, for other builds of sources too. */
export const assets = {
  name: "assets",
  setup(build) {
    build.onLoad({ filter: /\.wgsl$/ }, ({ path }) => ({
      contents: stripWgsl(readFileSync(path, "utf8")),
      loader: "text",
    }));
    build.onLoad({ filter: /\.wasm$/ }, ({ path }) => ({ contents: packWasm(path), loader: "text" }));
  },
};

const shared = {
  format: ["esm"],
  target: "es2022",
  sourcemap: true,
  clean: true,
  esbuildPlugins: [assets],
};

/**
 * A published package: ESM, types, WGSL and WebAssembly inlined. Its entries are the sources that its package.json names, under
 * `exports` for users and under `imports` (`#platform`) for itself; the latter are left for the user's resolver to choose.
 */
export function library() {
  const manifest = JSON.parse(readFileSync("package.json", "utf8"));
  const webgpu = "@webgpu/types" in manifest.dependencies && { banner: '/// <reference types="@webgpu/types" />' };
  const sources = [...new Set([...sourcesIn(manifest.exports), ...sourcesIn(manifest.imports ?? {})])];
  return defineConfig({
    ...shared,
    entry: Object.fromEntries(sources.map((file) => [file.replace(/^\.\/src\/|\.ts$/g, ""), file])),
    external: Object.keys(manifest.imports ?? {}),
    // tsup's declaration worker sets `baseUrl`, which TypeScript 6 calls deprecated.
    dts: { compilerOptions: { ignoreDeprecations: "6.0" }, ...webgpu },
  });
}

/** Every `./src/*.ts` that a map of exports or imports ends in. */
function sourcesIn(map) {
  if (typeof map === "string") return map.startsWith("./src/") ? [map] : [];
  return Object.values(map).flatMap(sourcesIn);
}

/** A program of `apps/`: runs on Node, imports the built packages. */
export const program = (entry) => defineConfig({ ...shared, entry, platform: "node" });
