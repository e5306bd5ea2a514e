import { type FlagValues, oneOf, onOff, readFlags, text, usage, whole } from "../shared/flags.ts";
import { BACKENDS } from "../shared/program.ts";
import { cacheFolder } from "./data/debian.ts";

const flags = {
  fasta: text("FILE", "genome to use instead of E. coli's: FASTA, plain or gzipped", undefined),
  lambda: onOff("train on phage lambda alone (48,502 bases: seconds) instead of E. coli"),
  steps: whole("training steps (default: 300)", { least: 1, default: undefined }),
  seq: whole("bases of a training sequence (default: 8192 on the CPU, 32768 on a GPU)", {
    least: 128,
    default: undefined,
  }),
  dim: whole("model width, a multiple of 16 (default: 64 on the CPU, 256 on a GPU)", {
    least: 16,
    unit: 16,
    default: undefined,
  }),
  layers: whole("layers (default: 3 on the CPU, 6 on a GPU)", { least: 1, default: undefined }),
  memory: whole("GiB that the forward pass over the genome may take (default: 2 on the CPU, 16 on a GPU)", {
    least: 1,
    default: undefined,
  }),
  seed: whole("seed of weights and batches (default: 1)", { least: 0, default: 1 }),
  backend: oneOf("where to compute (default: auto)", BACKENDS, "auto"),
  cache: text(
    "DIR",
    `where fetched packages are kept (default: ${cacheFolder().replace(process.env.HOME ?? "//", "~")})`,
    cacheFolder(),
  ),
  out: text("DIR", "folder of plots, tables and embeddings (default: out/genome)", "out/genome"),
};

/** What the command line asks for. */
export type Options = FlagValues<typeof flags>;

export const USAGE = usage(
  "genome",
  "Trains a LongNet encoder on a genome, embeds the whole of it as one sequence, and plots where genes are and on which strand.",
  flags,
);

/** @throws ConfigError that lists every bad flag. */
export function parseOptions(args: readonly string[]): Options | "help" {
  return readFlags("genome", flags, args);
}
