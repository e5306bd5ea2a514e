import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.mjs";
import { compilers, nodes } from "./versions.mjs";
import { catalogVersion, packages, root } from "./workspace.mjs";

const npm = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--loglevel=error"];

/**
 * Packs every public package as it would be published; returns `file:` addresses by name.
 * @param {string} folder where the tarballs go
 */
export async function pack(folder) {
  /** @type {Record<string, string>} */
  const tarballs = {};
  for (const each of packages) {
    const output = await run("pnpm", ["pack", "--json", "--pack-destination", folder], each.folder);
    tarballs[each.name] = `file:${JSON.parse(output).filename}`;
  }
  return tarballs;
}

/**
 * A folder with nothing but these packages and what they bring, as npm installs them: ours from tarballs, others in the workspace's versions.
 * @param {string} folder
 * @param {readonly string[]} names
 * @param {Record<string, string>} tarballs
 */
export async function installIn(folder, names, tarballs) {
  const dependencies = Object.fromEntries(names.map((name) => [name, tarballs[name] ?? catalogVersion(name)]));
  mkdirSync(folder, { recursive: true });
  const manifest = { private: true, type: "module", dependencies, overrides: tarballs };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
  await run("npm", npm, folder);
}

/**
 * Throws where installing runs a program of any package, ours or what it brings: npm's lock file says which have one.
 * @param {string} folder
 */
export function checkInstallScripts(folder) {
  const { packages } = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8"));
  const names = Object.keys(packages).filter((name) => name !== "" && packages[name].hasInstallScript);
  if (names.length > 0) throw new Error(`these run a program when they are installed: ${names.join(", ")}`);
}

/**
 * Every Node and TypeScript that packages are tried with, kept between runs.
 * @returns {Promise<{ nodes: Tool[], compilers: Tool[] }>}
 *
 * @typedef {object} Tool
 * @property {string} version
 * @property {string} program
 */
export async function installTools() {
  const system = process.platform === "win32" ? "win" : process.platform;
  const dependencies = Object.fromEntries([
    ...nodes.map((version) => [`node-${version}`, `npm:node-${system}-${process.arch}@${version}`]),
    ...compilers.map((version) => [`typescript-${version}`, `npm:typescript@${version}`]),
  ]);
  const folder = join(root, "node_modules/.cache/dilated", `tools-${[...nodes, ...compilers].join("_")}`);
  if (!existsSync(folder)) {
    const draft = `${folder}.${process.pid}`;
    mkdirSync(draft, { recursive: true });
    writeFileSync(join(draft, "package.json"), JSON.stringify({ private: true, dependencies }));
    try {
      await run("npm", npm, draft);
      renameSync(draft, folder);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  const modules = join(folder, "node_modules");
  const node = process.platform === "win32" ? "bin/node.exe" : "bin/node";
  return {
    nodes: nodes.map((version) => ({ version, program: join(modules, `node-${version}`, node) })),
    compilers: compilers.map((version) => ({ version, program: join(modules, `typescript-${version}`, "bin/tsc") })),
  };
}
