// Unpacks the SwiftShader (Vulkan on the CPU) that npm's `@sparticuz/chromium` carries for x64 Linux, with a Vulkan loader beside it.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { entries } from "./tar.mjs";

const cache = fileURLToPath(new URL("../../node_modules/.cache/dilated/swiftshader", import.meta.url));
const files = ["libvulkan.so.1", "libvk_swiftshader.so", "vk_swiftshader_icd.json"];

/**
 * The variables with which a new process finds SwiftShader, or undefined where it cannot run.
 * @returns {Record<string, string> | undefined}
 */
export function swiftshaderEnvironment() {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  if (!files.every((file) => existsSync(join(cache, file))) && !unpack()) return undefined;
  const driver = join(cache, "vk_swiftshader_icd.json");
  const libraries = [cache, process.env.LD_LIBRARY_PATH].filter(Boolean).join(":");
  return { VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver, LD_LIBRARY_PATH: libraries };
}

function unpack() {
  const archive = find();
  if (archive === undefined) return false;
  const draft = `${cache}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  for (const { name, bytes } of entries(brotliDecompressSync(readFileSync(archive))))
    if (files.includes(name)) writeFileSync(join(draft, name), bytes, { mode: 0o755 });
  rmSync(cache, { recursive: true, force: true });
  renameSync(draft, cache);
  return true;
}

/** The archive inside the package, which is an optional dependency. */
function find() {
  try {
    const entry = fileURLToPath(import.meta.resolve("@sparticuz/chromium")); // .../build/esm/index.js
    const archive = join(dirname(entry), "../../bin/swiftshader.tar.br");
    return existsSync(archive) ? archive : undefined;
  } catch {
    return undefined;
  }
}
