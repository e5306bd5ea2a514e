import { checkCall, field } from "@dilated/core";
import type { BlockMask } from "../mask/block-mask.ts";
import { BLOCK_MASK } from "../mask/sources.ts";
import { cellsOf, type MaskPartOptions, PART, partOf } from "./cells.ts";

const ARGUMENTS = { mask: BLOCK_MASK, options: field.options<MaskPartOptions>(PART) };
const MOST = { text: 64, picture: 128 } as const;

/** What a mask is, in a line. */
function summary({ N, M, B, H, blockSize, density }: BlockMask): string {
  const lists = `${B > 1 ? `, ${B} batch rows` : ""}${H > 1 ? `, ${H} heads` : ""}`;
  return `${N} queries, ${M} keys${lists}, blocks of ${blockSize}, density ${(100 * density).toFixed(1)} %`;
}

/**
 * A mask as text: a row of characters for each block of queries, `█` for a full block, `▒` for a partial one, `·` for
 * none. Of a long mask a character stands for several blocks, 64 a row at most.
 *
 * @throws ConfigError for a head or batch row that the mask has not.
 * @example
 * ```ts
 * import { blockMask, causalWindow, maskText } from "@dilated/sparse";
 * console.log(maskText(blockMask(causalWindow(96), { N: 256, blockSize: 32 })));
 * ```
 */
export function maskText(mask: BlockMask, options: MaskPartOptions = {}): string {
  checkCall("maskText", ARGUMENTS, arguments);
  const { rows, columns, kinds } = cellsOf(mask, partOf("maskText", mask, options), MOST.text);
  const lines = Array.from({ length: rows }, (_, row) =>
    Array.from(kinds.subarray(row * columns, (row + 1) * columns), (kind) => "·▒█"[kind]).join(""),
  );
  return [summary(mask), ...lines].join("\n");
}

/** Pixels of a cell at most, and of the longer side of a picture. */
const CELL = 16;
const SIDE = 384;

/**
 * A mask as a picture: queries downwards, keys to the right; full blocks are solid, partial ones smaller and paler. The
 * colours stand on light and dark ground.
 *
 * @returns the text of an SVG
 * @throws ConfigError for a head or batch row that the mask has not.
 */
export function maskSVG(mask: BlockMask, options: MaskPartOptions = {}): string {
  checkCall("maskSVG", ARGUMENTS, arguments);
  const { rows, columns, kinds } = cellsOf(mask, partOf("maskSVG", mask, options), MOST.picture);
  const size = Math.min(CELL, SIDE / Math.max(rows, columns));
  const number = (x: number): string => String(Number(x.toFixed(2)));
  const paths = ["", "", ""];
  for (let row = 0; row < rows; row++) {
    for (let column = 0, end = 1; column < columns; column = end++) {
      const kind = kinds[row * columns + column] as number;
      // Neighbours of one kind are one shape, but for partial ones, which stand apart.
      while (kind === 2 && end < columns && kinds[row * columns + end] === kind) end++;
      const inset = kind === 1 ? size / 6 : 0;
      const [width, height] = [(end - column) * size - 2 * inset, size - 2 * inset];
      paths[kind] +=
        `M${number(column * size + inset)} ${number(row * size + inset)}` +
        `h${number(width)}v${number(height)}h${number(-width)}z`;
    }
  }
  const [width, height] = [number(columns * size), number(rows * size)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${summary(mask)}</title>`,
    `<path fill="#3b82f6" d="${paths[2]}"/>`,
    `<path fill="#3b82f6" fill-opacity="0.55" d="${paths[1]}"/>`,
    `<rect width="${width}" height="${height}" fill="none" stroke="#888888"/>`,
    "</svg>\n",
  ].join("\n");
}
