import { randomBytes } from "node:crypto";
import { access, lstat, mkdir, open, readdir, rename, rm, rmdir, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { AbortedError, type AbortSignalLike, FileError } from "@dilated/core";
import { isDead, isOwner, processName } from "./process-name.ts";

/** A folder of this name lies in a folder that is being saved into; in it, a file named like the process that saves. */
export const TURN = ".dilated-saving";

/** Whose turn it is to save into a folder. */
export interface Turn {
  /** @throws FileError when the folder was removed, or another process took the turn over. */
  check(): Promise<void>;
  end(): Promise<void>;
}

/** How long a turn is waited for. */
export interface Patience {
  /** Milliseconds between two looks. */
  readonly pause: number;
  /** Looks without a sign of life after which a turn counts as left behind. */
  readonly looks: number;
}

/** A minute: a process gives a sign of life every two seconds, unless it is busy computing. */
const PATIENCE: Patience = { pause: 200, looks: 300 };
const SIGN_OF_LIFE = 2000;

/**
 * Waits until no other process saves into a folder. A turn is taken by renaming a folder that holds this process's
 * name: that fails while another's is there, and replaces an empty one, so of several processes one succeeds. A turn
 * whose process has ended is taken over at once, one that gives no sign of life after a while; its file is removed by
 * its name, so that of several who do so none removes the turn of another. `check` tells a process that slept
 * meanwhile.
 */
export async function takeTurn(folder: string, signal?: AbortSignalLike, patience: Patience = PATIENCE): Promise<Turn> {
  const owner = `${await processName()}-${randomBytes(6).toString("hex")}`;
  const turn = join(folder, TURN);
  const mine = join(turn, owner);
  const waiting = join(folder, `${TURN}-${owner}`);
  await mkdir(waiting);
  try {
    await writeFile(join(waiting, owner), "");
    const quiet = quietSince();
    while (!(await replaced(waiting, turn))) {
      if (signal?.aborted)
        throw new AbortedError("saving: stopped while another process saves", { cause: signal.reason });
      const holder = await holderOf(turn);
      if (holder === undefined)
        await rmdir(turn).catch(() => undefined); // Windows does not replace an empty folder
      else if ((await isDead(holder)) || (await quiet(join(turn, holder))) > patience.looks)
        await rm(join(turn, holder), { force: true });
      else await wait(Math.min(patience.pause, 5 + Math.random() * patience.pause));
    }
  } catch (error) {
    await rm(waiting, { recursive: true, force: true }).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
  await removeLeftOver(folder);
  const alive = setInterval(() => {
    const now = new Date();
    utimes(mine, now, now).catch(() => undefined); // check tells
  }, SIGN_OF_LIFE).unref();
  return {
    check: async () => {
      if (await exists(mine)) return;
      throw new FileError("saving: the folder was removed or another process saved into it meanwhile", {
        details: [`folder: ${folder}`],
        fix: "save again; a process that stands still for a minute loses its turn",
      });
    },
    end: async () => {
      clearInterval(alive);
      // Nothing depends on these: a turn that was left behind is taken over.
      await unlink(mine).catch(() => undefined);
      await rmdir(turn).catch(() => undefined);
    },
  };
}

/** False when another's turn is in the way. */
async function replaced(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (await exists(from)) {
      if (code === "ENOTEMPTY" || code === "EEXIST") return false;
      if (process.platform === "win32" && (code === "EPERM" || code === "EACCES")) return false;
    }
    throw error;
  }
}

/** The process whose turn it is; undefined when it has just ended. */
async function holderOf(turn: string): Promise<string | undefined> {
  try {
    // Never through a link: what lies behind it would be removed.
    const names = (await lstat(turn)).isDirectory() ? await readdir(turn) : [""];
    const holder = names.find(isOwner);
    if (holder !== undefined || names.length === 0) return holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  throw new FileError(`saving: ${JSON.stringify(turn)} is not of this library`, { fix: "remove it" });
}

/**
 * Counts how often a file was seen unchanged, by looks of this process: clocks of two machines differ, and a sleeping
 * machine stops both.
 */
function quietSince(): (path: string) => Promise<number> {
  let seen = "";
  let looks = 0;
  return async (path) => {
    const now = `${path} ${await changed(path)}`;
    looks = now === seen ? looks + 1 : 0;
    seen = now;
    return looks;
  };
}

/** When a file was changed. It is opened, as network file systems answer from memory otherwise. */
async function changed(path: string): Promise<number> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) return 0;
  try {
    return (await file.stat()).mtimeMs;
  } finally {
    await file.close();
  }
}

/** Removes what processes left that were killed while they waited. */
async function removeLeftOver(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const owner = name.startsWith(`${TURN}-`) ? name.slice(TURN.length + 1) : "";
    if (isOwner(owner) && (await isDead(owner)))
      await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
