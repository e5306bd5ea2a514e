import { constants } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { DilatedError, type Field, FileError, field, OutOfMemoryError } from "@dilated/core";
import { PARTIAL } from "../checkpoint/file-names.ts";

/** A path, as an argument: a zero byte ends one for the system. */
export const PATH: Field<string> = field.custom(
  "a path: a string that is not empty",
  (value) => typeof value === "string" && value !== "" && !value.includes("\0"),
);

/**
 * Writes a file so that an interruption at any moment, also of the machine, leaves either the old one or the new one: into a file beside it, flushed to disk,
 * then renamed over it, and the folder flushed. The file beside it is made anew, so that nothing that lies under its name is followed, and goes when the writing fails.
 *
 * @param check - is awaited before the file is replaced, and may refuse
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array, check?: () => Promise<void>): Promise<void> {
  const partial = `${path}${PARTIAL}`;
  await rm(partial, { force: true });
  const file = await open(partial, "wx");
  try {
    try {
      await writeAll(file, bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await check?.();
    await replace(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
  await syncFolder(dirname(path));
}

/** On Windows a file cannot be replaced while somebody reads it, or a virus scanner does: that passes. */
async function replace(from: string, to: string): Promise<void> {
  for (let left = process.platform === "win32" ? 20 : 0; ; left--) {
    try {
      return await rename(from, to);
    } catch (error) {
      if (left === 0 || !["EPERM", "EACCES", "EBUSY"].includes((error as NodeJS.ErrnoException).code ?? ""))
        throw error;
    }
    await wait(50);
  }
}

/** Errors of the file system as ours, which name the path. */
export async function withFileErrors<T>(caller: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (DilatedError.is(cause) || typeof code !== "string") throw cause;
    throw new FileError(`${caller}: ${JSON.stringify(path)} failed with ${code}`, {
      details: [message],
      fix: FIXES[code] ?? "check the path and the file system",
      cause,
    });
  }
}

const FIXES: Readonly<Record<string, string>> = {
  ENOSPC: "free space on the disk; what was there before is still whole",
  EACCES: "give this process the right to write there",
  EPERM: "give this process the right to write there",
  EDQUOT: "free space in the quota; what was there before is still whole",
  EROFS: "write to another disk: this one is read-only",
  ENOENT: "do not remove the folder while it is written",
  ENAMETOOLONG: "use shorter names",
  ENOTDIR: "pass the path of a folder",
  EISDIR: "remove the folder that has the name of the file",
};

/** Node writes at most 2 GiB at once. */
const MOST_AT_ONCE = 2 ** 30;

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, Math.min(MOST_AT_ONCE, bytes.length - at));
    at += bytesWritten;
  }
}

/** Opens what is not a plain file without waiting: a pipe waits for a writer. Windows has no such flag. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** All of a file, also beyond the 2 GiB of `readFile`; undefined where there is none. */
export async function readWhole(caller: string, path: string): Promise<Uint8Array | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, READ);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new FileError(`${caller}: ${JSON.stringify(path)} is not a file`, { fix: "remove it" });
    const bytes = room(caller, path, found.size);
    let at = 0;
    for (let more = true; more && at < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(MOST_AT_ONCE, bytes.length - at));
      more = bytesRead > 0;
      at += bytesRead;
    }
    return at === bytes.length ? bytes : bytes.slice(0, at); // it may have been cut meanwhile
  } finally {
    await file.close();
  }
}

/** A file with holes takes little room on a disk, and may claim any length. */
function room(caller: string, path: string, bytes: number): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    throw new OutOfMemoryError(`${caller}: ${JSON.stringify(path)} does not fit into memory`, {
      details: [`bytes: ${bytes}`],
      fix: "save with a smaller maxShardBytes: shards are read one at a time",
      cause,
    });
  }
}

/** Makes renames in a folder last through a power cut. Windows has no such call, and refuses to open folders. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
