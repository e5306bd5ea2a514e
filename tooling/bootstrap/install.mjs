import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "./run.mjs";

/**
 * Installs what a command needs, from the frozen lockfile; does nothing when an earlier call already did.
 * @param {string} root
 * @param {string[]} packages pnpm filters
 */
export function install(root, packages) {
  const stamp = join(root, "node_modules/.cache/dilated/installed.json");
  const lockfile = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .digest("hex");
  const before = existsSync(stamp) ? JSON.parse(readFileSync(stamp, "utf8")) : {};
  const done = before.lockfile === lockfile ? before.packages : [];
  if (packages.every((filter) => done.includes(filter))) return;

  const filters = [rootName(root), ...packages].flatMap((filter) => ["--filter", filter]);
  run("pnpm", ["install", "--frozen-lockfile", "--reporter=append-only", "--loglevel=warn", ...filters], { cwd: root });
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, JSON.stringify({ lockfile, packages: [...new Set([...done, ...packages])] }));
}

/** @param {string} root */
const rootName = (root) => JSON.parse(readFileSync(join(root, "package.json"), "utf8")).name;
