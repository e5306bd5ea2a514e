import { ConfigError, checkCall, field, ShapeError, show } from "@dilated/core";
import { type BlockMask, madeMask } from "./block-mask.ts";
import { type BlockMaskOptions, SIZES, type Sizes, sizesOf } from "./build.ts";

/** Lists of blocks as others have them: an array for each block of queries, or all in one, as CSR. */
export type BlockIndices =
  | readonly ArrayLike<number>[]
  | {
      /** [B * H * rows + 1], from 0 up to the number of blocks. */
      readonly offsets: ArrayLike<number>;
      readonly blocks: ArrayLike<number>;
    };

const CSR = field.object({ offsets: field.numbers(), blocks: field.numbers() });
const ARGUMENTS = {
  lists: field.either<unknown, unknown>(
    field.list(field.numbers()),
    CSR,
    "a list of blocks for each block of queries, or { offsets, blocks }",
  ),
  options: field.options(SIZES),
};

/**
 * A mask from lists of blocks, all of which are seen in full; narrow it with `andMasks(mask, ({ q, k }) => q.ge(k))`.
 *
 * @param lists - for each block of queries of each head of each batch row, ceil(N / blockSize) of them a head, the
 * blocks of keys that it sees, which rise: an array of arrays, or `{ offsets, blocks }` as in CSR
 * @throws ShapeError for another number of lists; ConfigError for blocks out of range, out of order or listed twice.
 * @example
 * ```ts
 * import { maskFromBlocks } from "@dilated/sparse";
 * const mask = maskFromBlocks([[0], [0, 1], [0, 2]], { N: 96, blockSize: 32 });
 * console.log(mask.density); // 0.5555555555555556
 * ```
 */
export function maskFromBlocks(lists: BlockIndices, options: BlockMaskOptions): BlockMask {
  checkCall("maskFromBlocks", ARGUMENTS, arguments);
  const sizes = sizesOf("maskFromBlocks", options);
  const csr = "offsets" in lists ? lists : compressed(lists);
  return madeMask({ ...sizes, ...checkedLists("maskFromBlocks", csr, sizes, "lists") });
}

function compressed(lists: readonly ArrayLike<number>[]): { offsets: number[]; blocks: number[] } {
  const offsets = [0];
  const blocks: number[] = [];
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) blocks.push(list[i] as number);
    offsets.push(blocks.length);
  }
  return { offsets, blocks };
}

/** Lists as a mask has them, of full blocks; throws where they do not hold together. */
export function checkedLists(
  caller: string,
  csr: { readonly offsets: ArrayLike<number>; readonly blocks: ArrayLike<number> },
  { N, M, B, H, blockSize }: Sizes,
  name: string,
): Pick<BlockMask, "offsets" | "blocks" | "partial"> {
  const [rows, columns] = [Math.ceil(N / blockSize), Math.ceil(M / blockSize)];
  const lists = B * H * rows;
  if (csr.offsets.length !== lists + 1)
    throw new ShapeError(`${caller}: ${name} must have a list for each block of queries`, {
      details: [
        `B ${B} x H ${H} x ceil(N ${N} / blockSize ${blockSize}): ${lists} lists`,
        `given: ${csr.offsets.length - 1}`,
      ],
      fix: "pass as many lists, empty ones among them, or give B, H, N and blockSize as they are",
    });
  const wrong = (what: string, detail: string, fix: string): ConfigError =>
    new ConfigError(`${caller}: ${name}: ${what}`, { details: [detail], fix });
  const offsets = new Uint32Array(lists + 1);
  for (let i = 0; i <= lists; i++) {
    const [given, before] = [csr.offsets[i] as number, i > 0 ? (csr.offsets[i - 1] as number) : 0];
    if (Number.isInteger(given)) offsets[i] = given;
    if (
      offsets[i] !== given ||
      given < before ||
      (i === 0 && given !== 0) ||
      (i === lists && given !== csr.blocks.length)
    )
      throw wrong(
        "offsets must rise from 0 to the number of blocks",
        `offsets[${i}]: ${show(given)}, after ${show(before)}; ${csr.blocks.length} blocks`,
        "pass offsets[i] = the number of blocks in the lists before list i",
      );
  }
  const blocks = new Uint32Array(csr.blocks.length);
  for (let list = 0; list < lists; list++) {
    for (let at = offsets[list] as number; at < (offsets[list + 1] as number); at++) {
      const block = csr.blocks[at] as number;
      const where = `list ${list}, entry ${at - (offsets[list] as number)}: ${show(block)}`;
      if (!Number.isInteger(block) || block < 0 || block >= columns)
        throw wrong(
          "a block is out of range",
          `${where}; allowed: 0 to ${columns - 1}`,
          `M is ${M}: check M and blockSize`,
        );
      const before = at > (offsets[list] as number) ? (csr.blocks[at - 1] as number) : -1;
      if (block <= before)
        throw wrong(
          block === before ? "a block is listed twice" : "blocks must rise within a list",
          `${where}, after ${before}`,
          "sort each list, and keep each block once",
        );
      blocks[at] = block;
    }
  }
  return { offsets, blocks, partial: new Uint8Array(blocks.length) };
}
