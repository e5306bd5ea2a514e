import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
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
 * A published package: ESM, one module for each source that its entries reach, so that bundlers drop what nobody uses (`sideEffects: false`
 * says that they may). WGSL and WebAssembly become modules, too. Its entries are the sources that its package.json names, under `exports`
 * for users and under `imports` (`#platform`) for itself; the latter are left for the user's resolver to choose.
 */
export function library() {
  const manifest = JSON.parse(readFileSync("package.json", "utf8"));
  const entry = named([...new Set([...sourcesIn(manifest.exports), ...sourcesIn(manifest.imports ?? {})])]);
  return defineConfig({
    ...shared,
    entry,
    external: Object.keys(manifest.imports ?? {}),
    splitting: false, // every module is a file already; a chunk that two entries only re-export from would lose its names
    esbuildPlugins: [modules, assets],
    // tsup's declaration worker sets `baseUrl`, which TypeScript 6 calls deprecated.
    dts: { entry, compilerOptions: { ignoreDeprecations: "6.0" } },
  });
}

/** Makes every file that the entries reach an entry, and leaves relative imports in place, under the names that files get in `dist`. */
const modules = {
  name: "modules",
  async setup({ initialOptions, onResolve, esbuild }) {
    const { entryPoints } = initialOptions;
    const options = { bundle: true, write: false, metafile: true, format: "esm", outdir: "dist", packages: "external" };
    const loader = { ".wgsl": "empty", ".wasm": "empty" };
    const { metafile } = await esbuild.build({ ...options, entryPoints, external: ["#*"], loader });
    initialOptions.entryPoints = named(Object.keys(metafile.inputs)); // without what only types or tests import
    onResolve({ filter: /^\.{1,2}\// }, ({ path, kind, importer, resolveDir }) => {
      if (kind === "entry-point") return undefined;
      const target = relative(dirname(nameOf(importer)), nameOf(resolve(resolveDir, path))).replaceAll("\\", "/");
      return { path: `${target.startsWith(".") ? target : `./${target}`}.js`, external: true };
    });
  },
};

const named = (files) => Object.fromEntries(files.map((file) => [nameOf(resolve(file)), file]));

/** The name under `dist` of a file of the package: its path in `src`, and for what is built elsewhere, its path in the package. */
function nameOf(path) {
  return relative(process.cwd(), path)
    .replaceAll("\\", "/")
    .replace(/^src\/|\.ts$/g, "");
}

/** Every `./src/*.ts` that a map of exports or imports ends in. */
function sourcesIn(map) {
  if (typeof map === "string") return map.startsWith("./src/") ? [map] : [];
  return Object.values(map).flatMap(sourcesIn);
}

/** A program of `apps/`: runs on Node, imports the built packages. */
export const program = (entry) => defineConfig({ ...shared, entry, platform: "node" });
