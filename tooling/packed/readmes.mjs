import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative } from "node:path";
import { transform } from "esbuild";
import { blocksOf } from "../docs/blocks.mjs";
import { run } from "./run.mjs";
import { packages, root } from "./workspace.mjs";

/**
 * @typedef {object} Readme
 * @property {string} name
 * @property {string} prefix The name for files.
 * @property {string[]} installs The packages that it says to install, without those that it calls optional.
 * @property {string[]} blocks
 */

/** @returns {Readme[]} */
export function readmes() {
  const files = [root, ...packages.map(({ folder }) => folder)].map((folder) => join(folder, "README.md"));
  return files.filter(existsSync).map((file) => {
    const text = readFileSync(file, "utf8");
    const name = relative(root, file);
    return { name, prefix: name.replace(/\W+/g, "-"), installs: installsOf(text), blocks: blocksOf(text) };
  });
}

/**
 * The packages that `npm install` lines name, but for lines with the comment `# optional`.
 * @param {string} text
 */
export function installsOf(text) {
  const lines = [...text.matchAll(/^npm install (.*)$/gm)].map(([, line]) => String(line).split("#"));
  const required = lines.filter(([, comment]) => !comment?.trim().startsWith("optional"));
  return [...new Set(required.flatMap(([names]) => String(names).trim().split(/\s+/)))].sort();
}

/**
 * The packages that a block imports.
 * @param {string} block
 */
export function importsOf(block) {
  const specifiers = [...block.matchAll(/\b(?:from|import) ?\(?"([^"]+)"/g)].map(([, specifier]) => String(specifier));
  const names = specifiers.map((specifier) =>
    specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/"),
  );
  return [...new Set(names)].filter((name) => !name.startsWith("node:") && !builtinModules.includes(name));
}

/**
 * Throws when a block needs what the page does not say to install: npm often has it in place all the same.
 * @param {Readme} readme
 */
export function checkImports({ installs, blocks }) {
  if (blocks.length > 0 && installs.length === 0) throw new Error("there is no line `npm install ...`");
  blocks.forEach((block, i) => {
    const missing = importsOf(block).filter((name) => !installs.includes(name));
    if (missing.length > 0) throw new Error(`block ${i + 1} imports ${missing.join(", ")}, which no line installs`);
  });
}

/**
 * Writes the blocks of a page as programs: as they stand, and without types where they have some.
 * @param {string} folder
 * @param {Readme} readme
 */
export async function writePrograms(folder, { prefix, blocks }) {
  const names = blocks.map((_, i) => `${prefix}-${i + 1}`);
  for (const [i, block] of blocks.entries()) {
    writeFileSync(join(folder, `${names[i]}.mts`), block);
    writeFileSync(join(folder, `${names[i]}.mjs`), await withoutTypes(block));
  }
  writeFileSync(join(folder, `${prefix}.mjs`), names.map((name) => `await import("./${name}.mjs");\n`).join(""));
}

/** @param {string} block */
async function withoutTypes(block) {
  const options = /** @type {const} */ ({ target: "esnext", logLevel: "silent" });
  const plain = await transform(block, { ...options, loader: "js" }).catch(() => undefined);
  return plain ? block : (await transform(block, { ...options, loader: "ts" })).code;
}

/**
 * @param {string} node
 * @param {string} folder
 * @param {Readme} readme
 */
export function runPrograms(node, folder, { prefix }) {
  return run(node, [`${prefix}.mjs`], folder);
}
