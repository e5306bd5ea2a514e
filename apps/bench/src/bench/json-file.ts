import { renameSync, writeFileSync } from "node:fs";

/** Replaces a file at once: whoever reads it, or kills this process, finds the old content or the new, never a part. */
export function writeJson(path: string, value: unknown): void {
  const part = `${path}.${process.pid}.part`;
  writeFileSync(part, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(part, path);
}
