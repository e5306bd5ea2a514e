import { spawnSync } from "node:child_process";
import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { TURN } from "../turns.ts";

const ended = spawnSync(process.execPath, ["-e", "0"]).pid;

/**
 * Makes a turn that this process took one of a process that has ended: killed in a test only, this one would be waited
 * for.
 */
export async function bury(folder: string): Promise<void> {
  const turn = join(folder, TURN);
  for (const name of await readdir(turn).catch(() => []))
    await rename(join(turn, name), join(turn, name.replace(/-\d+-/, `-${ended}-`)));
}
