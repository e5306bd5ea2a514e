import { constant } from "../expression/build.ts";
import { capture } from "../expression/capture.ts";
import type { BoolNode } from "../expression/node.ts";
import { maskArguments } from "../expression/variables.ts";
import { type BlockMask, everywhereOf } from "./block-mask.ts";

const known = new WeakMap<BlockMask, BoolNode>();

/**
 * The condition of a mask at every pair, false outside of its lists. Where the lists alone know, they become a table of
 * bits, one a block.
 */
export function conditionEverywhere(mask: BlockMask): BoolNode {
  const condition = everywhereOf(mask) ?? known.get(mask) ?? listed(mask).and(mask.keep ?? true);
  known.set(mask, condition);
  return condition;
}

/** Is the block of a pair in the lists? */
function listed({ B, H, rows, columns, blockSize, offsets, blocks }: BlockMask): BoolNode {
  if (blocks.length === 0) return constant(false);
  const words = Math.ceil(columns / 32);
  const bits = new Uint32Array(B * H * rows * words);
  for (let list = 0; list < B * H * rows; list++) {
    for (let at = offsets[list] as number; at < (offsets[list + 1] as number); at++) {
      const column = blocks[at] as number;
      const word = list * words + (column >>> 5);
      bits[word] = ((bits[word] as number) | (1 << (column & 31))) >>> 0;
    }
  }
  const { b, h, q, k } = maskArguments();
  const shift = Math.log2(blockSize);
  const column = k.shiftRight(shift);
  return capture(bits, { shape: [B, H, rows, words] })
    .at(B > 1 ? b : 0, H > 1 ? h : 0, q.shiftRight(shift), column.shiftRight(5))
    .shiftRight(column.bitAnd(31).toU32())
    .bitAnd(1)
    .ne(0);
}
