import { describe, expect, it } from "vitest";
import { compareNames } from "./names.mjs";
import { checkImports, importsOf, installsOf } from "./readmes.mjs";

describe("a README", () => {
  it("installs what its lines name, without what they call optional", () => {
    const text =
      "```sh\nnpm install b @x/a\nnpm install c # optional: faster\n```\nnpm installs.\n```sh\nnpm install b\n```\n";
    expect(installsOf(text)).toEqual(["@x/a", "b"]);
  });

  it("imports packages, whatever the entry, and not what Node has", () => {
    const block =
      'import { a } from "@x/a/sub";\nimport {\n  b,\n} from "b";\nimport "fs";\nimport "node:os";\nawait import("c/d");\n';
    expect(importsOf(block)).toEqual(["@x/a", "b", "c"]);
  });

  it("is refused when a block needs more than it says to install", () => {
    const page = { name: "README.md", prefix: "README-md", installs: ["@x/a"], blocks: ['import { b } from "b";'] };
    expect(() => checkImports(page)).toThrow("block 1 imports b, which no line installs");
    expect(() => checkImports({ ...page, installs: [] })).toThrow("there is no line `npm install ...`");
    expect(() => checkImports({ ...page, installs: ["b"] })).not.toThrow();
  });
});

describe("names", () => {
  it("are the same, and some", () => {
    expect(() => compareNames("x", ["a", "b"], ["a", "b"])).not.toThrow();
    expect(() => compareNames("x", ["a", "b"], ["a"])).toThrow("x lacks b");
    expect(() => compareNames("x", ["a"], ["a", "b"])).toThrow("x exports b");
    expect(() => compareNames("x", [], [])).toThrow("x exports nothing");
  });
});
