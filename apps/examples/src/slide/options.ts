import { ConfigError } from "@dilated/core";
import { type Flag, type FlagValues, oneOf, readFlags, text, usage, whole } from "../shared/flags.ts";
import { BACKENDS } from "../shared/program.ts";

/** Tiles that the coordinates of the model's grid have room for. */
const MOST_TILES = 200_000;

const flags = {
  tiles: whole("tiles of the largest training slides and of the held-out ones (default: 16384)", {
    least: 64,
    most: MOST_TILES,
    default: 16_384,
  }),
  slides: whole("held-out slides, an even number (default: 32)", { least: 2, unit: 2, default: 32 }),
  large: whole("tiles of a last slide, read in one pass; 0: none (default: 100000)", {
    least: 0,
    most: MOST_TILES,
    default: 100_000,
  }),
  effort: { kind: "value", placeholder: "X", help: "times the usual training steps (default: 1)", read: readEffort },
  dim: whole("model width, a multiple of 8 (default: 32 on the CPU, 64 on a GPU)", {
    least: 8,
    unit: 8,
    default: undefined,
  }),
  layers: whole("encoder layers (default: 2)", { least: 1, default: 2 }),
  context: oneOf(
    "what a tile sees: all tiles of its slide, or itself, for comparison (default: slide)",
    ["slide", "tile"],
    "slide",
  ),
  seed: whole("seed of weights and slides (default: 1)", { least: 0, most: 10_000, default: 1 }),
  backend: oneOf("where to compute (default: auto)", BACKENDS, "auto"),
  out: text("DIR", "folder of pictures and report (default: out/slide)", "out/slide"),
} satisfies Record<string, Flag<unknown>>;

/** What the command line asks for. */
export type Options = FlagValues<typeof flags>;

export const USAGE = usage(
  "slide",
  "Trains a LongNetViT to find a few abnormal tiles among 16k, then reads a slide of 100k tiles in one pass, and draws what it found.",
  flags,
);

/** @throws ConfigError that lists every bad flag. */
export function parseOptions(args: readonly string[]): Options | "help" {
  const options = readFlags("slide", flags, args);
  if (options !== "help" && options.large > 0 && options.large < 64) {
    throw new ConfigError("slide: the options are not valid", {
      details: [`--large ${options.large}: neither 0 nor at least 64`],
      fix: "use --large 64, or --large 0 for none",
    });
  }
  return options;
}

function readEffort(given: string | undefined): number {
  const number = given === undefined ? 1 : Number(given);
  if (number > 0 && number <= 1000) return number;
  throw new Error("not a number above 0, at most 1000");
}
