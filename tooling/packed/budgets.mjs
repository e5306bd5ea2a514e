import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/**
 * What a page pays for an import before anything runs: kilobytes of its first chunk, minified and gzipped, and of all
 * chunks that it may load.
 * @type {Record<string, { code: string, first: number, all: number }>}
 */
export const budgets = {
  geometricBranches: {
    code: 'export { geometricBranches } from "@dilated/kernels";',
    first: 7, // of which 1 is its own; what checks arguments, with `field`, brings the rest
    all: 7,
  },
  blockMask: {
    code: 'export { blockMask } from "@dilated/sparse";',
    first: 16, // of which 8 are its own: expressions, and their bounds by type
    all: 16,
  },
  "openDevice and layerNorm": {
    code: 'export { openDevice } from "@dilated/core"; export { layerNorm } from "@dilated/kernels";',
    // WebGPU's faults belong to what they spoiled, every argument is checked, what no binding holds is cut, and tensors
    // may share a buffer.
    first: 39,
    all: 83, // all kernels of the CPU are one module, those of slices, gathers and top-k, too
  },
  "openDevice and dilatedAttention": {
    code: 'export { openDevice } from "@dilated/core"; export { dilatedAttention } from "@dilated/kernels";',
    first: 74, // with the kernels that are exact for what is not finite, two-sided bounds, and heads one by one
    all: 117,
  },
  "openDevice and createModel": {
    code: 'export { openDevice } from "@dilated/core"; export { createModel } from "@dilated/models";',
    first: 116, // quotients, rows of any width and dtype, and operands of any length
    all: 160,
  },
};

/**
 * Bundles for a browser; returns kilobytes.
 * @param {string} folder where the packages are installed
 * @param {string} code
 */
async function weigh(folder, code) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: folder },
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    outdir: folder,
    write: false,
    metafile: true,
    logLevel: "error",
  });
  const sizes = new Map(
    outputFiles.map(({ path, contents }) => [basename(path), gzipSync(contents, { level: 9 }).length]),
  );
  /** @type {{ name: string, entryPoint?: string, imports: { kind: string, path: string }[] }[]} */
  const chunks = Object.entries(metafile.outputs).map(([path, chunk]) => ({ ...chunk, name: basename(path) }));
  const reached = (/** @type {string[]} */ ...kinds) => {
    const seen = new Set(chunks.flatMap(({ name, entryPoint }) => (entryPoint === "<stdin>" ? [name] : [])));
    for (const name of seen) {
      const imports = chunks.find((chunk) => chunk.name === name)?.imports ?? [];
      for (const { kind, path } of imports) if (kinds.includes(kind)) seen.add(basename(path)); // the loop goes on to it
    }
    return [...seen].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0) / 1000;
  };
  return { first: reached("import-statement"), all: reached("import-statement", "dynamic-import") };
}

/**
 * Throws when an import is over its budget.
 * @param {string} folder
 * @param {keyof typeof budgets} name
 */
export async function checkBudget(folder, name) {
  const budget = budgets[name];
  if (budget === undefined) throw new Error(`no budget for ${name}`);
  const { first, all } = await weigh(folder, budget.code);
  console.log(`${name}: ${first.toFixed(1)} of ${budget.first} kB first, ${all.toFixed(1)} of ${budget.all} kB in all`);
  if (first > budget.first || all > budget.all)
    throw new Error("over budget: see what is new in the bundle, or raise it and say why");
}
