import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError } from "@dilated/core";
import { TRAIN_SIZES } from "./gpu/train.ts";
import type { BenchOptions } from "./options.ts";

/**
 * Looks at every file that a run will want, before it measures for minutes.
 *
 * @throws ConfigError that lists each one that is missing, too short or cannot be written
 */
export function checkInputs({ suites, sizes, text, json, html, merge }: BenchOptions): void {
  const details: string[] = [];
  const tried = (what: string, look: () => void): void => {
    try {
      look();
    } catch (error) {
      details.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  for (const file of merge ?? []) tried(`merge ${file}`, () => accessSync(file, constants.R_OK));
  if (text !== undefined) {
    const needed = suites.includes("train") ? Math.max(...(sizes ?? TRAIN_SIZES)) + 1 : 1;
    tried(`--text ${text}`, () => {
      accessSync(text, constants.R_OK);
      const found = statSync(text);
      if (!found.isFile()) throw new Error("not a file");
      if (found.size < needed) throw new Error(`${found.size} bytes; one sequence is ${needed}`);
    });
  }
  for (const [flag, path] of Object.entries({ json, html })) {
    if (path === undefined) continue;
    tried(`--${flag} ${path}`, () => {
      accessSync(dirname(resolve(path)), constants.W_OK);
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error("a folder");
    });
  }
  if (details.length > 0)
    throw new ConfigError("bench: files are not as they have to be; nothing was measured", {
      details,
      fix: "pass files that exist, and folders that can be written to",
    });
}
