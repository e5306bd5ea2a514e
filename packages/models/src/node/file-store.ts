import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readWhole, withFileErrors, writeFileAtomic } from "./atomic.ts";
import { openFolder } from "./folder.ts";

const NAME = "checkpoint.safetensors";

/**
 * Writes the training checkpoint of a folder. An interruption at any moment leaves either the old one or the new one.
 *
 * @returns the path written.
 */
export async function writeCheckpoint(folder: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, NAME);
  await openFolder(folder).exclusive?.(() =>
    withFileErrors("writeCheckpoint", path, async () => {
      await mkdir(folder, { recursive: true });
      await writeFileAtomic(path, bytes);
    }),
  );
  return path;
}

/** Reads the checkpoint of a folder; undefined when there is none. */
export function readCheckpoint(folder: string): Promise<Uint8Array | undefined> {
  const path = join(folder, NAME);
  return withFileErrors("readCheckpoint", path, () => readWhole(path));
}
