// Turns every ```ts block of the documentation into a test, so that what people copy runs.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** Where the tests go: inside a package that depends on all of ours, so that imports resolve as a user's would. */
export const OUTPUT = join("apps", "examples", ".docs");

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
  for (const file of sources(root)) {
    blocksOf(readFileSync(file, "utf8")).forEach((block, i) => {
      const name = `${relative(root, file)} block ${i + 1}`;
      const target = `${relative(root, file)
        .replaceAll(sep, "-")
        .replace(/\.(md|ts)$/, "")}-${i + 1}.test.ts`;
      writeFileSync(join(output, target), testOf(block, name));
    });
  }
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
