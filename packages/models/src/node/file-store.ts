import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";

const NAME = "checkpoint.safetensors";

/**
 * Writes the checkpoint of a folder so that an interruption at any moment leaves either the old one or the new one: into a file
 * beside it, flushed to disk, then renamed over it.
 *
 * @returns the path written.
 */
export async function writeCheckpoint(folder: string, bytes: Uint8Array): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, NAME);
  const file = await open(`${path}.partial`, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.partial`, path);
  return path;
}

/** Reads the checkpoint of a folder; undefined when there is none. */
export async function readCheckpoint(folder: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(join(folder, NAME)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
