// Published declarations name no global but those of ECMAScript: what else a program declares, and in which version, is up to its owner. Reads the built
// packages; every declaration is compiled with nothing but `lib: ES2022`, where a name of the DOM, of WebGPU or of Node is an error.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const files = readdirSync("packages")
  .map((name) => join("packages", name, "dist"))
  .flatMap((dist) => readdirSync(dist, { recursive: true }).map((name) => resolve(dist, String(name))))
  .filter((file) => file.endsWith(".d.ts"));
if (files.length === 0) throw new Error("there are no declarations; build the packages first");

const references = files.filter((file) => /^\/\/\/\s*<reference/m.test(readFileSync(file, "utf8")));
for (const file of references) console.error(`${file}: a reference directive brings globals into the user's program`);

const folder = mkdtempSync("node_modules/.declarations-");
const compilerOptions = {
  strict: true,
  noEmit: true,
  target: "ES2022",
  lib: ["ES2022"],
  types: [],
  module: "ESNext",
  moduleResolution: "bundler",
  skipLibCheck: false,
};
writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
const { status } = spawnSync("pnpm", ["exec", "tsc", "-p", folder], {
  stdio: ["ignore", "inherit", "inherit"],
  shell: process.platform === "win32",
});
rmSync(folder, { recursive: true });
console.log(`${files.length} declaration files`);
process.exitCode = references.length > 0 || status !== 0 ? 1 : 0;
