// Turns every ```ts block of the documentation into a test, so that what people copy runs.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** Where the tests go: inside the package that depends on all of ours, so that imports resolve as a user's would. */
export const OUTPUT = join("packages", "dilated", ".docs");

/**
 * The blocks of one file: fenced in Markdown, and inside doc comments in TypeScript.
 * @param {string} text
 * @returns {string[]}
 */
export function blocksOf(text) {
  const fenced = /^([ \t]*(?:\* ?)?)```ts\n([\s\S]*?)^[ \t]*(?:\* ?)?```/gm;
  return [...text.matchAll(fenced)].map(([, lead, body]) => {
    if (!lead?.includes("*")) return body ?? "";
    return (body ?? "").replace(/^[ \t]*\* ?/gm, "");
  });
}

/**
 * A test around a block: imports stay on top, the rest becomes the test's body.
 * @param {string} block
 * @param {string} name
 */
export function testOf(block, name) {
  const imports = /^import [\s\S]*? from "[^"]+";$/gm;
  const head = block.match(imports) ?? [];
  const body = block.replace(imports, "").trim().replace(/^/gm, "  ");
  return [
    'import { test as documentation } from "vitest";',
    ...head,
    "",
    `documentation(${JSON.stringify(name)}, async () => {`,
    body,
    "});",
    "",
  ].join("\n");
}

/**
 * Writes the tests of all documentation anew.
 * @param {string} root
 */
export function writeBlocks(root) {
  const output = join(root, OUTPUT);
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  for (const { file, at, block } of allBlocks(root)) {
    const target = `${file.replaceAll(sep, "-").replace(/\.(md|ts)$/, "")}-${at}.test.ts`;
    writeFileSync(join(output, target), testOf(block, `${file} block ${at}`));
  }
}

/**
 * Every block of the documentation.
 * @param {string} root
 */
export function allBlocks(root) {
  return sources(root).flatMap((path) =>
    blocksOf(readFileSync(path, "utf8")).map((block, i) => ({ file: relative(root, path), at: i + 1, block })),
  );
}

/** @param {string} root */
function sources(root) {
  const pages = [
    join(root, "README.md"),
    ...[join(root, "docs"), join(root, "packages")].flatMap(listed).filter((file) => file.endsWith(".md")),
  ];
  const code = listed(join(root, "packages")).filter(
    (file) => file.endsWith(".ts") && file.includes(`${sep}src${sep}`) && !file.endsWith(".test.ts"),
  );
  return [...pages, ...code];
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function listed(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (["node_modules", "dist", "build", ".vitepress"].includes(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? listed(path) : [path];
  });
}
