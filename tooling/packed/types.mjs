import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.mjs";

const resolutions = /** @type {const} */ ({ bundler: "esnext", nodenext: "nodenext" });
const libraries = /** @type {const} */ ({ DOM: ["ES2022", "DOM"], "no DOM": ["ES2022"] });

/**
 * Every way in which users check against our declarations, which they do not skip.
 * @param {import("./install.mjs").Tool[]} compilers
 */
export function typeChecks(compilers) {
  return compilers.flatMap((compiler) =>
    Object.entries(resolutions).flatMap(([moduleResolution, module]) =>
      Object.entries(libraries).map(([name, lib]) => ({
        name: `TypeScript ${compiler.version}, ${moduleResolution}, ${name}`,
        compiler,
        options: { module, moduleResolution, lib },
      })),
    ),
  );
}

/**
 * Type-checks a program that uses every name that the entries export at run time.
 * @param {string} folder
 * @param {ReturnType<typeof typeChecks>[number]} check
 */
export async function checkTypes(folder, { name, compiler, options }) {
  await compile(folder, name, compiler, { ...options, types: [] }, ["../../names.ts"]);
}

/**
 * Type-checks the blocks of a page.
 * @param {string} folder
 * @param {import("./install.mjs").Tool} compiler
 * @param {import("./readmes.mjs").Readme} readme
 */
export async function checkBlocks(folder, compiler, { prefix }) {
  const options = { module: "esnext", moduleResolution: "bundler", lib: ["ES2022", "DOM"], types: ["node"] };
  await compile(folder, prefix, compiler, options, [`../../${prefix}-*.mts`]);
}

/**
 * @param {string} folder
 * @param {Record<string, string[]>} names
 */
export function writeConsumer(folder, names) {
  const used = Object.entries(names).map(
    ([entry, all], i) =>
      `import * as entry${i} from "${entry}";\nexport const names${i}: unknown[] = [${all.map((name) => `entry${i}.${name}`).join(", ")}];\n`,
  );
  writeFileSync(join(folder, "names.ts"), used.join(""));
}

/**
 * @param {string} folder
 * @param {string} name
 * @param {import("./install.mjs").Tool} compiler
 * @param {object} options
 * @param {string[]} include
 */
async function compile(folder, name, compiler, options, include) {
  const project = join(folder, "checks", name.replace(/[^\w.]+/g, "-"));
  mkdirSync(project, { recursive: true });
  const compilerOptions = { target: "ES2022", strict: true, skipLibCheck: false, noEmit: true, ...options };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include }));
  await run(process.execPath, [compiler.program, "--project", project, "--pretty", "false"], folder);
}
