import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import ts from "typescript";
import { run } from "./run.mjs";
import { entries, root } from "./workspace.mjs";

/**
 * The values that each entry's source exports.
 * @returns {Promise<Record<string, string[]>>}
 */
export async function sourceValues() {
  const { metafile } = await build({
    entryPoints: Object.fromEntries(entries.map(({ specifier, source }) => [specifier.replaceAll("/", "+"), source])),
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    outdir: "out",
    conditions: ["@dilated/source"],
    external: ["webgpu", "@huggingface/tokenizers"],
    loader: { ".wgsl": "empty", ".wasm": "empty" },
    logLevel: "error",
    absWorkingDir: root,
  });
  return Object.fromEntries(
    entries.map(({ specifier }) => [
      specifier,
      [...(metafile.outputs[`out/${specifier.replaceAll("/", "+")}.js`]?.exports ?? [])].sort(),
    ]),
  );
}

/**
 * Every name, of values and of types, that each of the modules exports.
 * @param {string[]} files
 * @returns {string[][]}
 */
export function declaredNames(files) {
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    customConditions: ["@dilated/source"],
    allowImportingTsExtensions: true,
    noEmit: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  return files.map((file) => {
    const source = program.getSourceFile(file);
    const symbol = source && checker.getSymbolAtLocation(source);
    return symbol
      ? checker
          .getExportsOfModule(symbol)
          .map(({ name }) => name)
          .sort()
      : [];
  });
}

/**
 * What the installed entries export when Node imports them.
 * @param {string} folder
 * @param {string} node
 * @returns {Promise<Record<string, string[]>>}
 */
export async function runtimeNames(folder, node) {
  const program = `const names = {};
for (const entry of ${JSON.stringify(entries.map(({ specifier }) => specifier))}) names[entry] = Object.keys(await import(entry)).sort();
console.log(JSON.stringify(names));
`;
  writeFileSync(join(folder, "names.mjs"), program);
  return JSON.parse(await run(node, ["names.mjs"], folder));
}

/**
 * Throws what differs.
 * @param {string} entry
 * @param {readonly string[]} [expected]
 * @param {readonly string[]} [found]
 */
export function compareNames(entry, expected = [], found = []) {
  const missing = expected.filter((name) => !found.includes(name));
  const extra = found.filter((name) => !expected.includes(name));
  if (missing.length > 0) throw new Error(`${entry} lacks ${missing.join(", ")}`);
  if (extra.length > 0) throw new Error(`${entry} exports ${extra.join(", ")}, which its source does not`);
  if (expected.length === 0) throw new Error(`${entry} exports nothing`);
}
