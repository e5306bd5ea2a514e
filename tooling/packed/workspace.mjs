import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * @typedef {object} Entry One entry of a package.
 * @property {string} specifier What a user imports.
 * @property {string} source The file that it is made from, absolute.
 * @property {string} types Its declarations, relative to node_modules.
 *
 * @typedef {object} Package
 * @property {string} name
 * @property {string} folder
 * @property {Entry[]} entries
 */

/** @type {Package[]} */
export const packages = readdirSync(join(root, "packages")).flatMap((base) => {
  const folder = join(root, "packages", base);
  const { name, exports, private: hidden } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (hidden) return [];
  const entries = Object.keys(exports)
    .filter((key) => !key.endsWith(".json"))
    .map((key) => ({
      specifier: name + key.slice(1),
      source: join(folder, exports[key]["@dilated/source"]),
      types: join(name, exports[key].types),
    }));
  return [{ name, folder, entries }];
});

export const entries = packages.flatMap((each) => each.entries);

/**
 * The version of a package that the workspace uses, from its catalog.
 * @param {string} name
 */
export function catalogVersion(name) {
  const text = readFileSync(join(root, "pnpm-workspace.yaml"), "utf8");
  const line = text.split("\n").find((each) => each.trim().replaceAll('"', "").startsWith(`${name}: `));
  if (line === undefined) throw new Error(`${name} is not in the catalog of pnpm-workspace.yaml`);
  return line.slice(line.indexOf(": ") + 2);
}
