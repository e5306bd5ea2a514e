import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter } from "node:path";

const shell = process.platform === "win32"; // npm and pnpm are scripts there

/**
 * Returns a PATH on which `pnpm` is the version that package.json pins: the present one where that fits, else npm fetches it into
 * its cache. turbo calls pnpm too, which is why it has to be on the PATH.
 * @param {string} root
 */
export function pathWithPnpm(root) {
  const pinned = JSON.parse(readFileSync(`${root}/package.json`, "utf8")).packageManager; // "pnpm@10.34.9"
  const path = process.env.PATH ?? "";
  if (`pnpm@${versionOnPath(root)}` === pinned) return path;
  const script = "console.log(process.env.PATH)";
  const args = ["exec", "--yes", `--package=${pinned}`, "--", "node", "-e", shell ? `"${script}"` : script];
  const output = execFileSync("npm", args, {
    cwd: root,
    encoding: "utf8",
    shell,
    stdio: ["ignore", "pipe", "inherit"],
  });
  return [output.trim(), path].join(delimiter);
}

/** @param {string} cwd */
function versionOnPath(cwd) {
  try {
    const env = { ...process.env, COREPACK_ENABLE_DOWNLOAD_PROMPT: "0" };
    return execFileSync("pnpm", ["--version"], {
      cwd,
      env,
      encoding: "utf8",
      shell,
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}
