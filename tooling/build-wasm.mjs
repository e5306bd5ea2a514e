// Compiles `<package>/assembly/index.ts` (AssemblyScript) into build/<name>.simd.wasm and build/<name>.relaxed.wasm.
//
//   node tooling/build-wasm.mjs [--force] [PACKAGE_FOLDER...]
//
// Without folders it does every package that has an assembly. A module is compiled only when its sources changed.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { staticDataEnd } from "./wasm-data.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = createRequire(import.meta.url).resolve("assemblyscript/package.json");
const asc = join(dirname(manifest), "bin/asc.js");

/** The first kilobyte of the shared memory is left to the modules' constants; the allocator starts behind it. */
const RESERVED_BYTES = 1024;

const variants = {
  simd: { features: "simd,threads", constants: ["RELAXED=0"] },
  relaxed: { features: "simd,threads,relaxed-simd", constants: ["RELAXED=1"] },
};

const flags = [
  "-O3 --converge --noAssert --noColors --runtime stub --uncheckedBehavior always",
  "--importMemory --noExportMemory --sharedMemory --initialMemory 16 --maximumMemory 65536 --memoryBase 64",
].flatMap((line) => line.split(" "));

/**
 * Builds one package's modules; returns a line for the log, or undefined when they were up to date.
 * @param {string} folder
 */
export async function buildWasm(folder, { force = false } = {}) {
  const name = basename(folder);
  const build = join(folder, "build");
  const stamp = join(build, `${name}.sources`);
  const hash = hashOf(join(folder, "assembly"));
  const targets = Object.keys(variants).map((variant) => join(build, `${name}.${variant}.wasm`));
  const current = existsSync(stamp) && readFileSync(stamp, "utf8") === hash;
  if (!force && current && targets.every((file) => existsSync(file))) return undefined;

  mkdirSync(build, { recursive: true });
  const sizes = await Promise.all(Object.entries(variants).map(([variant, v]) => compile(folder, name, variant, v)));
  writeFileSync(stamp, hash);
  return `${relative(root, build)}: ${sizes.join(", ")}`;
}

/**
 * @param {string} folder
 * @param {string} name
 * @param {string} variant
 * @param {{ features: string, constants: string[] }} options
 */
async function compile(folder, name, variant, { features, constants }) {
  const target = join(folder, "build", `${name}.${variant}.wasm`);
  const draft = join(folder, "build", `${name}.${variant}.${process.pid}.wasm`);
  const uses = constants.flatMap((constant) => ["--use", constant]);
  const args = [asc, "assembly/index.ts", "-o", relative(folder, draft), ...flags, "--enable", features, ...uses];
  try {
    await promisify(execFile)(process.execPath, args, { cwd: folder }).catch((error) => {
      throw new Error(`AssemblyScript refused ${name} (${variant}):\n${error.stdout}${error.stderr}`);
    });
    const bytes = readFileSync(draft);
    const end = staticDataEnd(bytes);
    if (end > RESERVED_BYTES)
      throw new Error(
        `${name}.${variant}.wasm has static data up to byte ${end}; ${RESERVED_BYTES} are reserved. Compute the table or pass it in.`,
      );
    renameSync(draft, target); // a reader sees the old module or the new one, never half of one
    return `${variant} ${bytes.length} bytes, static data up to ${end}`;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * The digest of everything that a module is made of: its sources, this script, the compiler's version.
 * @param {string} assembly
 */
function hashOf(assembly) {
  const hash = createHash("sha256").update(JSON.parse(readFileSync(manifest, "utf8")).version);
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  const sources = readdirSync(assembly, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  for (const file of sources.sort()) hash.update(`\0${file}\0`).update(readFileSync(join(assembly, file)));
  return hash.digest("hex");
}

/** Every package of the workspace that holds AssemblyScript. */
export function packagesWithAssembly() {
  const packages = join(root, "packages");
  return readdirSync(packages)
    .map((name) => join(packages, name))
    .filter((folder) => existsSync(join(folder, "assembly/index.ts")));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const named = args.filter((arg) => !arg.startsWith("--")).map((folder) => resolve(folder));
  for (const folder of named.length > 0 ? named : packagesWithAssembly()) {
    const done = await buildWasm(folder, { force: args.includes("--force") });
    console.log(done ?? `${relative(root, join(folder, "build"))}: up to date`);
  }
}
