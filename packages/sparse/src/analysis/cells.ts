import { ConfigError, field } from "@dilated/core";
import type { BlockMask } from "../mask/block-mask.ts";
import { firstList } from "../mask/sources.ts";

/** Which lists of a mask. */
export interface MaskPartOptions {
  /** Batch row. @defaultValue 0 */
  readonly b?: number | undefined;
  /** Query head. @defaultValue 0 */
  readonly h?: number | undefined;
}

export const PART: field.FieldsOf<MaskPartOptions> = {
  b: field.optional(field.nonNegativeInteger()),
  h: field.optional(field.nonNegativeInteger()),
};

/** The first list of the part; throws where the mask has none. */
export function partOf(caller: string, mask: BlockMask, { b = 0, h = 0 }: MaskPartOptions): number {
  for (const [name, at, size] of [
    ["b", b, mask.B],
    ["h", h, mask.H],
  ] as const)
    if (at >= size && size > 1)
      throw new ConfigError(`${caller}: the mask has no lists of that ${name === "b" ? "batch row" : "head"}`, {
        details: [`${name}: ${at}; there are 0 to ${size - 1}`],
        fix: `pass ${name} below ${size}`,
      });
  return firstList(mask, b, h);
}

/** Cells of a picture: 0 nothing is seen, 1 some, 2 all. */
export interface MaskCells {
  readonly rows: number;
  readonly columns: number;
  /** Blocks of a cell, on both sides. */
  readonly blocks: number;
  readonly kinds: Uint8Array;
}

/** A part of a mask in at most `most` cells on each side: of a long one each cell stands for several blocks. */
export function cellsOf(mask: BlockMask, first: number, most: number): MaskCells {
  const size = Math.ceil(Math.max(mask.rows, mask.columns) / most);
  const [rows, columns] = [Math.ceil(mask.rows / size), Math.ceil(mask.columns / size)];
  const full = new Float64Array(rows * columns);
  const some = new Uint8Array(rows * columns);
  for (let row = 0; row < mask.rows; row++) {
    const begin = Math.floor(row / size) * columns;
    for (let at = mask.offsets[first + row] as number; at < (mask.offsets[first + row + 1] as number); at++) {
      const cell = begin + Math.floor((mask.blocks[at] as number) / size);
      some[cell] = 1;
      if (!mask.partial[at]) full[cell] = (full[cell] as number) + 1;
    }
  }
  const kinds = some.map((seen, cell) => {
    const [row, column] = [Math.floor(cell / columns) * size, (cell % columns) * size];
    const all = (Math.min(mask.rows, row + size) - row) * (Math.min(mask.columns, column + size) - column);
    return seen + +(full[cell] === all);
  });
  return { rows, columns, blocks: size, kinds };
}
