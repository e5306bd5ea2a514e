import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const packages = new URL("../../", import.meta.url);
const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(new URL(`${folder}/package.json`, packages), "utf8"));
const entriesOf = (manifest: Manifest): string[] =>
  Object.keys(manifest.exports).filter((key) => !key.endsWith(".json"));

const meta = manifestOf("dilated");
const parts = readdirSync(packages).filter((folder) => folder !== "dilated");
/** Every entry of every other package, with the name that it has here. */
const expected = parts.flatMap((folder) => {
  const manifest = manifestOf(folder);
  return entriesOf(manifest).map((key) => ({
    from: manifest.name + key.slice(1), // "@dilated/kernels/tune"
    here: `./${folder}${key.slice(1)}`, // "./kernels/tune"
  }));
});

const all: object = await import("./index.ts");
const modules: object[] = await Promise.all(parts.map((folder) => import(manifestOf(folder).name)));

describe("dilated", () => {
  it("depends on every other package", () => {
    expect(Object.keys(meta.dependencies ?? {}).sort()).toEqual(parts.map((folder) => manifestOf(folder).name).sort());
  });

  it("has every entry of every other package, and no other", () => {
    expect(entriesOf(meta).sort()).toEqual([".", ...expected.map(({ here }) => here)].sort());
  });

  it.each(expected)("re-exports all of $from as $here", ({ from, here }) => {
    const source = `./src/${here.slice(2)}.ts`;
    expect(meta.exports[here]).toEqual({
      "@dilated/source": source,
      types: source.replace("src", "dist").replace(/ts$/, "d.ts"),
      default: source.replace("src", "dist").replace(/ts$/, "js"),
    });
    expect(readFileSync(new URL(`../${source}`, import.meta.url), "utf8")).toBe(`export * from "${from}";\n`);
  });

  // `export *` drops a name that two modules have, without a word.
  it("loses no name to another package", () => {
    expect(Object.keys(all).sort()).toEqual(modules.flatMap((module) => Object.keys(module)).sort());
  });
});
