import { createHash } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";

const OWNER = /^([0-9a-f]{12})-([1-9]\d{0,9})-(\d{1,20})-[0-9a-f]{12}$/;

/** True for a {@link processName} with twelve digits behind it. */
export function isOwner(name: string): boolean {
  return OWNER.test(name);
}

/**
 * A name of this process: where its number means something, the number, and when it started, as numbers are given
 * again.
 */
export async function processName(): Promise<string> {
  return `${await place()}-${process.pid}-${(await startOf(process.pid)) ?? 0}`;
}

/** True when the process has certainly ended; of another machine or container nothing is certain. */
export async function isDead(owner: string): Promise<boolean> {
  const [, where, pid = "", start] = OWNER.exec(owner) ?? [];
  if (where !== (await place())) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"; // EPERM: it is another user's
  }
  const started = await startOf(Number(pid));
  return start !== "0" && started !== undefined && String(started) !== start;
}

/**
 * This machine since it was switched on and, on Linux, this container: within it a process number names one process at
 * a time.
 */
async function place(): Promise<string> {
  const [boot, container] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    readlink("/proc/self/ns/pid").catch(() => ""),
  ]);
  return createHash("sha256").update([hostname(), boot, container].join("\n")).digest("hex").slice(0, 12);
}

/** Ticks from the machine's start to the process's, which Linux tells; undefined elsewhere. */
async function startOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name, in brackets, may hold anything. Field 22 of proc(5); the third is the first behind the name.
  const ticks = Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[19]);
  return Number.isSafeInteger(ticks) && ticks > 0 ? ticks : undefined;
}
