import { ConfigError, field, ShapeError } from "@dilated/core";
import { type BlockMask, isBlockMask } from "./block-mask.ts";
import type { MaskFunction } from "./build.ts";

/** What masks are put together from. */
export type MaskSource = BlockMask | MaskFunction;

export const BLOCK_MASK: field.Field<BlockMask> = field.custom("a BlockMask of this package", isBlockMask);
export const MASK_SOURCE: field.Field<MaskSource> = field.custom(
  "a BlockMask or a function of { b, h, q, k, qLength, kLength }",
  (value) => isBlockMask(value) || typeof value === "function",
);

/** Sizes of two masks together; what is the same for all heads or batch rows goes with any number of them. */
export function commonSizes(
  caller: string,
  a: BlockMask,
  b: BlockMask,
): Pick<BlockMask, "N" | "M" | "B" | "H" | "blockSize"> {
  const shown = (mask: BlockMask): string =>
    `N ${mask.N}, M ${mask.M}, B ${mask.B}, H ${mask.H}, blockSize ${mask.blockSize}`;
  const details = [`one: ${shown(a)}`, `another: ${shown(b)}`];
  if (a.N !== b.N || a.M !== b.M || [a.B, a.H].some((size, i) => size > 1 && ![1, size].includes([b.B, b.H][i] ?? 1)))
    throw new ShapeError(`${caller}: the masks are for different lengths, batch rows or heads`, {
      details,
      fix: "make all of them with the same N, M, B and H",
    });
  if (a.blockSize !== b.blockSize)
    throw new ConfigError(`${caller}: the masks have blocks of different size`, {
      details,
      fix: "make all of them with the same blockSize",
    });
  return { N: a.N, M: a.M, B: Math.max(a.B, b.B), H: Math.max(a.H, b.H), blockSize: a.blockSize };
}

/** Number of the first list of a head of a batch row. */
export const firstList = ({ B, H, rows }: BlockMask, b: number, h: number): number => ((b % B) * H + (h % H)) * rows;
