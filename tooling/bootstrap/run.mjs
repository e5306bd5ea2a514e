import { spawnSync } from "node:child_process";

/**
 * Runs a tool with this process's terminal and ends this process with its status when it fails.
 * @param {string} file
 * @param {string[]} args
 * @param {{ cwd: string }} options
 */
export function run(file, args, options) {
  const shell = process.platform === "win32" && file !== process.execPath;
  const { status, signal, error } = spawnSync(file, args, { ...options, shell, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? (signal === "SIGINT" ? 130 : 1));
}
