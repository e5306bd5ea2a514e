import { readFile } from "node:fs/promises";
import { ConfigError } from "@dilated/core";

/** Sequences of `length` bytes, one a step, from a file; without one from this program's own source, which is text too. */
export async function trainingText(file: string | undefined, length: number, count: number): Promise<Int32Array[]> {
  const bytes = await readFile(file ?? process.argv[1] ?? "");
  if (bytes.length < length)
    throw new ConfigError(`bench: ${file ?? "this program"} is shorter than one sequence`, {
      details: [`${bytes.length} bytes; one sequence is ${length}`],
      fix: "pass --text FILE with a longer text, or smaller --sizes",
    });
  const stride = Math.max(1, Math.floor((bytes.length - length) / Math.max(1, count - 1)));
  return Array.from({ length: count }, (_, i) => {
    const start = Math.min(i * stride, bytes.length - length);
    return Int32Array.from(bytes.subarray(start, start + length));
  });
}
