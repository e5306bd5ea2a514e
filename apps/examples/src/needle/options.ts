import { ConfigError } from "@dilated/core";
import { type FlagValues, oneOf, readFlags, text, usage, whole } from "../shared/flags.ts";
import { BACKENDS } from "../shared/program.ts";

const flags = {
  length: whole("tokens of a sequence, a power of two (default: 1024 on the CPU, 8192 on a GPU)", {
    least: 64,
    most: 2 ** 20,
    default: undefined,
  }),
  steps: whole("training steps of each model (default: 500)", { least: 1, default: 500 }),
  tokens: whole("tokens of a training step (default: 4096, at least one sequence)", { least: 64, default: 4096 }),
  dim: whole("model width, a multiple of 64 (default: 64)", { least: 64, unit: 64, default: 64 }),
  layers: whole("layers; dilated attention needs 2 to reach everything (default: 2)", { least: 1, default: 2 }),
  keys: whole("different keys, each planted once (default: 2)", { least: 1, most: 64, default: 2 }),
  values: whole("different values; chance is 1 of them (default: 8)", { least: 2, most: 64, default: 8 }),
  seeds: whole("runs of each pattern, with seeds of their own (default: 1)", { least: 1, default: 1 }),
  seed: whole("the first seed (default: 1)", { least: 0, default: 1 }),
  samples: whole("questions for each octave of distances (default: 256)", { least: 1, default: 256 }),
  backend: oneOf("where to compute (default: auto)", BACKENDS, "auto"),
  out: text("DIR", "folder of plot and report (default: out/needle)", "out/needle"),
};

/** What the command line asks for. */
export type Options = FlagValues<typeof flags>;

export const USAGE = usage(
  "needle",
  "Plants (key, value) pairs in filler, asks for one at the end, and plots how often dilated, local and dense attention answer, against distance.",
  flags,
);

/** @throws ConfigError that lists every bad flag. */
export function parseOptions(args: readonly string[]): Options | "help" {
  const options = readFlags("needle", flags, args);
  if (options !== "help" && options.length !== undefined && !Number.isInteger(Math.log2(options.length))) {
    throw new ConfigError("needle: the options are not valid", {
      details: [`--length ${options.length}: not a power of two`],
      fix: `use --length ${2 ** Math.round(Math.log2(options.length))}`,
    });
  }
  return options;
}
