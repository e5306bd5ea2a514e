import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkInstallScripts } from "./install.mjs";

it("finds packages that run a program when they are installed, however deep", () => {
  const folder = mkdtempSync(join(tmpdir(), "dilated-lock-"));
  const write = (packages: object) => writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages }));
  write({ "": { hasInstallScript: true }, "node_modules/a": {} }); // the folder's own is not what was installed
  expect(() => checkInstallScripts(folder)).not.toThrow();
  write({ "node_modules/a": {}, "node_modules/a/node_modules/b": { hasInstallScript: true } });
  expect(() => checkInstallScripts(folder)).toThrow("when they are installed: node_modules/a/node_modules/b");
  rmSync(folder, { recursive: true });
});
