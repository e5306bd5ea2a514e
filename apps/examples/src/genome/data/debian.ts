import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { AbortedError, FeatureError } from "@dilated/core";

/** A file inside a Debian package. */
export interface PackagedFile {
  readonly package: string;
  readonly path: string;
}

/** Where packages are kept from run to run. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "dilated");
}

/**
 * Fetches a Debian package with `apt-get download` and unpacks it with `dpkg-deb`, both without root; once.
 *
 * @returns the path of the file
 * @throws FeatureError when there is no apt-get, no network, or no such package; AbortedError.
 */
export async function fetchPackaged(file: PackagedFile, cache: string, signal?: AbortSignal): Promise<string> {
  const folder = join(cache, file.package);
  const path = join(folder, file.path);
  if (existsSync(path)) return path;
  const work = `${folder}.${process.pid}`;
  try {
    await mkdir(work, { recursive: true });
    await download(file.package, work, signal);
    const deb = (await readdir(work)).find((name) => name.endsWith(".deb"));
    if (deb === undefined) throw new Error("apt-get left no .deb file");
    await run("dpkg-deb", ["-x", deb, "files"], work, signal);
    await rm(folder, { recursive: true, force: true });
    await rename(join(work, "files"), folder);
    if (!existsSync(path)) throw new Error(`the package has no file ${file.path}`);
    return path;
  } catch (cause) {
    if (signal?.aborted)
      throw new AbortedError(`genome: stopped while fetching ${file.package}`, { cause: signal.reason });
    throw new FeatureError(`genome: the Debian package ${file.package} cannot be fetched`, {
      details: [lastLine(cause)],
      fix: "pass a genome of your own (--fasta FILE), or run on Debian or Ubuntu with network",
      cause,
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** With the system's package lists, or with fresh ones of our own where it has none (a bare container) or stale ones. */
async function download(name: string, work: string, signal?: AbortSignal): Promise<void> {
  try {
    await run("apt-get", ["download", name], work, signal);
  } catch (error) {
    if (signal?.aborted || (error as NodeJS.ErrnoException).code === "ENOENT") throw error;
    const lists = join(work, "lists");
    await mkdir(join(lists, "partial"), { recursive: true });
    const own = [`-oDir::State::Lists=${lists}`, `-oDir::Cache=${work}`];
    await run("apt-get", [...own, "update"], work, signal);
    await run("apt-get", [...own, "download", name], work, signal);
  }
}

async function run(command: string, args: readonly string[], cwd: string, signal?: AbortSignal): Promise<void> {
  const options = { cwd, timeout: 180_000, ...(signal ? { signal } : {}) };
  await promisify(execFile)(command, args, options);
}

/** What a failed command said last, which is where apt-get says why. */
function lastLine(error: unknown): string {
  const { stderr = "", message = String(error) } = error as { stderr?: string; message?: string };
  const lines = stderr.split("\n").filter((line) => line.startsWith("E:"));
  return lines.at(-1) ?? message.split("\n")[0] ?? "unknown reason";
}
