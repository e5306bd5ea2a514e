import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { checkCall } from "@dilated/core";
import { STORE_CALLS, type TuningStore } from "./store.ts";

/**
 * A folder with a file for each device and version of this package. A file is replaced as a whole, so that processes that tune at the same time
 * never leave half of one.
 *
 * @param where - the folder; made when something is written. @defaultValue `dilated/tuning` in the user's cache folder: XDG_CACHE_HOME or ~/.cache, on
 * macOS ~/Library/Caches, on Windows LOCALAPPDATA
 */
export function tuningStore(where: string = defaultFolder()): TuningStore {
  checkCall("tuningStore", STORE_CALLS.open, arguments);
  const fileOf = (id: string) => join(where, fileName(id));
  return {
    where,
    async read(id) {
      checkCall("tuningStore: read", STORE_CALLS.read, arguments);
      try {
        return await readFile(fileOf(id), "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async write(id, text) {
      checkCall("tuningStore: write", STORE_CALLS.write, arguments);
      await mkdir(where, { recursive: true });
      const partial = `${fileOf(id)}.${randomUUID()}.partial`;
      try {
        await writeFile(partial, text);
        await rename(partial, fileOf(id));
      } catch (error) {
        await rm(partial, { force: true });
        throw error;
      }
    },
  };
}

/** Readable, and different for ids that differ only in what a file name cannot hold. */
function fileName(id: string): string {
  const readable = id.replace(/[^\w.-]+/g, "-").slice(0, 80);
  return `${readable}-${createHash("sha256").update(id).digest("hex").slice(0, 12)}.json`;
}

function defaultFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  const usual = {
    win32: () => LOCALAPPDATA || join(homedir(), "AppData", "Local"),
    darwin: () => join(homedir(), "Library", "Caches"),
  }[process.platform as string];
  return join(XDG_CACHE_HOME || (usual ?? (() => join(homedir(), ".cache")))(), "dilated", "tuning");
}
