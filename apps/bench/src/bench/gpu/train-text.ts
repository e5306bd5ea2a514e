import { readFile } from "node:fs/promises";
import { ConfigError } from "@dilated/core";

/** Sequences of `length` bytes, one a step, from a file; without one from a text that is made here. */
export async function trainingText(file: string | undefined, length: number, count: number): Promise<Int32Array[]> {
  const bytes = file === undefined ? madeText(4 * length) : await readFile(file);
  if (bytes.length < length)
    throw new ConfigError(`bench: ${file} is shorter than one sequence`, {
      details: [`${bytes.length} bytes; one sequence is ${length}`],
      fix: "pass --text FILE with a longer text, or smaller --sizes",
    });
  const stride = Math.max(1, Math.floor((bytes.length - length) / Math.max(1, count - 1)));
  return Array.from({ length: count }, (_, i) => {
    const start = Math.min(i * stride, bytes.length - length);
    return Int32Array.from(bytes.subarray(start, start + length));
  });
}

/** At least `length` bytes of made-up words, the frequent ones often, as in any language; the same in every run, so that losses can be compared. */
export function madeText(length: number): Uint8Array {
  let state = 1;
  const below = (n: number): number => {
    state = (state * 48_271) % 2_147_483_647; // Lehmer's generator: exact in doubles
    return state % n;
  };
  const letter = (of: string): string => of[below(of.length)] as string;
  const syllable = (): string => letter("bdfghklmnprstvw") + letter("aeiou") + (below(3) === 0 ? letter("nrst") : "");
  const words = Array.from({ length: 512 }, () => Array.from({ length: 1 + below(3) }, syllable).join(""));
  const parts: string[] = [];
  for (let size = 0; size < length; size += (parts.at(-1) as string).length) {
    const rank = Math.floor(words.length ** (below(1_000_000) / 1_000_000)) - 1; // Zipf: log-uniform ranks
    parts.push((words[rank] as string) + (below(12) === 0 ? ".\n" : " "));
  }
  return new TextEncoder().encode(parts.join(""));
}
