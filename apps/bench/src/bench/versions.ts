import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What was measured: the commit of this repository, and Dawn's npm package. */
export interface Versions {
  readonly dilated: string;
  readonly webgpu: string;
}

export function versions(): Versions {
  return { dilated: commit(), webgpu: webgpuVersion() };
}

/** The bundle has it built in; otherwise git knows. */
function commit(): string {
  if (process.env.DILATED_COMMIT) return process.env.DILATED_COMMIT;
  try {
    const cwd = dirname(process.argv[1] ?? ".");
    return execFileSync("git", ["describe", "--always", "--dirty"], { cwd, encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    return "unknown";
  }
}

function webgpuVersion(): string {
  try {
    const entry = createRequire(import.meta.url).resolve("webgpu");
    const manifest: unknown = JSON.parse(readFileSync(join(dirname(entry), "package.json"), "utf8"));
    return String((manifest as { version?: unknown }).version);
  } catch {
    return "not installed";
  }
}
