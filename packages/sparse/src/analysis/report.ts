import { ConfigError, checkCall, field } from "@dilated/core";
import type { BlockMask } from "../mask/block-mask.ts";
import { BLOCK_MASK } from "../mask/sources.ts";
import { type MaskPartOptions, PART, partOf } from "./cells.ts";

/** What a mask takes, and how it is spread. */
export interface MaskReport {
  /** Listed blocks over all blocks. */
  readonly density: number;
  /** Listed blocks that are full, and partial. */
  readonly full: number;
  readonly partial: number;
  /** Lists without a block. */
  readonly emptyRows: number;
  /** Blocks of the longest list, over the mean: how uneven the work of rows is. */
  readonly imbalance: number;
  /** Mean distance of a listed block from the diagonal, in tokens: small, where memory is read in order. */
  readonly distance: number;
  /** Bytes of the lists. */
  readonly bytes: number;
}

const REPORT = { mask: BLOCK_MASK };

/** The figures of a mask, over all heads and batch rows. */
export function maskReport(mask: BlockMask): MaskReport {
  checkCall("maskReport", REPORT, arguments);
  const { rows, blockSize, offsets, blocks, partial, density, emptyRows, bytes } = mask;
  const lists = offsets.length - 1;
  let [longest, distance, partials] = [0, 0, 0];
  for (let list = 0; list < lists; list++) {
    const [begin, end] = [offsets[list] as number, offsets[list + 1] as number];
    longest = Math.max(longest, end - begin);
    for (let at = begin; at < end; at++) {
      distance += Math.abs((blocks[at] as number) - (list % rows)) * blockSize;
      partials += partial[at] as number;
    }
  }
  const count = blocks.length;
  return {
    density,
    full: count - partials,
    partial: partials,
    emptyRows,
    imbalance: count > 0 ? (longest * lists) / count : 0,
    distance: count > 0 ? distance / count : 0,
    bytes,
  };
}

/** Through how many layers, and which lists. */
export interface MaskReachOptions extends MaskPartOptions {
  /** Layers one above another. */
  readonly layers: number;
}

const REACH = {
  mask: BLOCK_MASK,
  options: field.options<MaskReachOptions>({ ...PART, layers: field.positiveInteger(256) }),
};
const MOST_ROWS = 4096;

/**
 * How far information goes through layers of one mask: after each, the share of all pairs of blocks of which the one
 * has heard of the other, straight or through others. Whether a block is listed counts, not which of its pairs are
 * seen.
 *
 * @returns a share for each layer, which rise
 * @throws ConfigError where keys are not queries (N ≠ M), or for over 4096 blocks.
 */
export function maskReach(mask: BlockMask, options: MaskReachOptions): number[] {
  checkCall("maskReach", REACH, arguments);
  const { N, M, rows, offsets, blocks } = mask;
  const first = partOf("maskReach", mask, options);
  if (N !== M || rows > MOST_ROWS)
    throw new ConfigError(`maskReach: is for a mask of one sequence, of at most ${MOST_ROWS} blocks`, {
      details: [`N: ${N}, M: ${M}, blocks: ${rows}`],
      fix: "ask for a shorter mask of the same function",
    });
  const words = Math.ceil(rows / 32);
  // What a row has heard of, itself among it: residual connections keep it.
  let heard = new Uint32Array(rows * words);
  for (let row = 0; row < rows; row++) heard[row * words + (row >>> 5)] = (1 << (row & 31)) >>> 0;
  return Array.from({ length: options.layers }, () => {
    const next = heard.slice();
    for (let row = 0; row < rows; row++)
      for (let at = offsets[first + row] as number; at < (offsets[first + row + 1] as number); at++)
        for (let word = 0, from = (blocks[at] as number) * words; word < words; word++)
          next[row * words + word] = ((next[row * words + word] as number) | (heard[from + word] as number)) >>> 0;
    heard = next;
    return heard.reduce((sum, word) => sum + bitsIn(word), 0) / (rows * rows);
  });
}

/** Bits that are set. */
function bitsIn(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
