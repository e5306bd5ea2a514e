import { ConfigError, checkCall, checkConfig, type Field, field } from "@dilated/core";
import type { Branch } from "@dilated/kernels";
import { RESOLVE } from "../options/kinds.ts";
import { completeStack, type StackConfig, type StackOptions, type StackSchema, stackSchema } from "../stack/config.ts";

/** A slide or image encoder, as plain JSON. */
export interface LongNetViTConfig extends StackConfig {
  /** C: width of a tile's vector, such as 1536 for Prov-GigaPath's tile encoder or 32·32·3 for patches of an image. */
  readonly tileDim: number;
  /** Pixels a tile is wide; coordinates are divided by it. @defaultValue 256 */
  readonly tileSize: number;
  /** Tiles that a slide may be wide and high. @defaultValue 1000 */
  readonly grid: number;
  /** What is added for a tile's place: sines and cosines of column and row, a learned table [grid², E], or nothing. @defaultValue "sincos" */
  readonly gridPosition: "sincos" | "learned" | "none";
  /** A learned token in front of the tiles. @defaultValue true */
  readonly classToken: boolean;
  /** What the output is: the class token, or the mean of the tiles. @defaultValue "class" with a class token, else "mean" */
  readonly pool: "class" | "mean";
  /** Epsilon of the norm behind pooling. @defaultValue 1e-6 */
  readonly poolEps: number;
}

/** What has to be given; the rest has defaults. */
export type LongNetViTOptions = StackOptions & Pick<LongNetViTConfig, "tileDim"> & Partial<LongNetViTConfig>;

const { position: _, ...stack } = stackSchema("none");

type Own = Omit<LongNetViTConfig, keyof StackConfig>;

/** Fields of a slide or image encoder. */
export const vitSchema: Omit<StackSchema, "position"> & {
  readonly position: Field<"none" | "xpos" | "rope">;
} & { readonly [K in keyof Own]: Field<K extends "pool" ? Own[K] | undefined : Own[K]> } = {
  tileDim: field.positiveInteger(),
  ...stack,
  position: field.withDefault(field.oneOf(["none", "xpos", "rope"]), "none"),
  tileSize: field.withDefault(field.positive(), 256),
  grid: field.withDefault(field.positiveInteger(), 1000),
  gridPosition: field.withDefault(field.oneOf(["sincos", "learned", "none"]), "sincos"),
  classToken: field.withDefault(field.boolean(), true),
  pool: field.optional(field.oneOf(["class", "mean"])),
  poolEps: field.withDefault(field.positive(), 1e-6),
};

/**
 * Fills in the defaults and checks everything.
 *
 * @throws ConfigError that lists every bad field.
 */
export function resolveLongNetViT(options: LongNetViTOptions): LongNetViTConfig {
  checkCall("resolveLongNetViT", RESOLVE, arguments);
  return vitConfig("resolveLongNetViT", options);
}

/** {@link resolveLongNetViT} for a caller of another name. */
export function vitConfig(caller: string, options: LongNetViTOptions): LongNetViTConfig {
  const values = checkConfig(caller, vitSchema, options);
  const { dim, classToken, gridPosition, pool = classToken ? "class" : "mean" } = values;
  const details = [
    ...(pool === "class" && !classToken ? ['pool: "class"; allowed without a class token: "mean"'] : []),
    ...(gridPosition === "sincos" && dim % 8 !== 0 ? [`dim: ${dim}; allowed with sincos: a multiple of 8`] : []),
  ];
  if (details.length > 0)
    throw new ConfigError(`${caller}: the options do not fit together`, { details, fix: "correct the fields above" });
  return completeStack(caller, { ...values, pool });
}

const PIXELS = field.optional(field.positive());
const SLIDE_BRANCHES = { maxSlide: PIXELS, tileSize: PIXELS };

/**
 * Prov-GigaPath's ladder: five segments in geometric steps from 1024 tiles to as many as the largest slide has, dilations 1, 2, 4, 8, 16.
 *
 * @param maxSlide - pixels that a slide may be wide. @defaultValue 262144
 * @param tileSize - pixels that a tile is wide. @defaultValue 256
 * @example
 * ```ts
 * import { slideBranches } from "@dilated/models";
 * slideBranches(); // segments 1024, 5792, 32768, 185363, 1048576
 * ```
 */
export function slideBranches(maxSlide = 262_144, tileSize = 256): Branch[] {
  checkCall("slideBranches", SLIDE_BRANCHES, arguments);
  const last = Math.floor(Math.log2(Math.floor(maxSlide / tileSize) ** 2));
  if (!(last >= 10 && last <= 31)) {
    throw new ConfigError("slideBranches: a slide must have from 32 to 46,340 tiles a side", {
      details: [`maxSlide: ${maxSlide} pixels, tileSize: ${tileSize}`],
      fix: "pass both in pixels",
    });
  }
  return [1, 2, 4, 8, 16].map((dilation, i) => ({ segment: Math.floor(2 ** (10 + (i * (last - 10)) / 4)), dilation }));
}
