import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { layers, packageName } from "../layers.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string) => JSON.parse(readFileSync(join(root, file), "utf8"));
const present = readdirSync(join(root, "packages")).filter((name) =>
  existsSync(join(root, "packages", name, "package.json")),
);
const ours = new Map(Object.keys(layers).map((layer) => [packageName(layer), layer]));

describe("the layer map", () => {
  it.each(present)("holds packages/%s, under its name", (folder) => {
    expect(Object.keys(layers)).toContain(folder);
    expect(read(`packages/${folder}/package.json`).name).toBe(packageName(folder));
  });

  it.each(present)("allows every edge that packages/%s declares", (folder) => {
    const manifest = read(`packages/${folder}/package.json`);
    const kinds = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];
    const declared = kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {})).filter((name) => ours.has(name));
    const allowed = (layers[folder] ?? []).map(packageName);
    expect(declared.filter((name) => !allowed.includes(name))).toEqual([]);
  });

  it.each(present)("finds a wasm script in packages/%s when there is AssemblyScript", (folder) => {
    const compiles = existsSync(join(root, "packages", folder, "assembly"));
    expect("wasm" in read(`packages/${folder}/package.json`).scripts).toBe(compiles);
  });

  it("is what turbo.json says, tag by tag", () => {
    const { tags } = read("turbo.json").boundaries;
    const tag = (layer: string): string => (layer === "dilated" ? "meta" : layer); // turbo allows no tag with a package's name
    for (const [layer, allowed] of Object.entries(layers))
      expect(tags[tag(layer)].dependencies.allow, layer).toEqual([...allowed.map(tag), "internal"]);
  });
});
