import { checkCall, field } from "@dilated/core";
import { type BlockMask, isBlockMask } from "./block-mask.ts";

/** The lists of a mask by blocks of keys: for each of them, the blocks of queries that see it. */
export interface TransposedLists {
  /** [B * H * columns + 1]: list number `(b * H + h) * columns + column`. */
  readonly offsets: Uint32Array;
  /** Blocks of queries, which rise within a list. */
  readonly blocks: Uint32Array;
  /** As in the mask. */
  readonly partial: Uint8Array;
}

const ARGUMENTS = { mask: field.custom<BlockMask>("a BlockMask of this package", isBlockMask) };
const known = new WeakMap<BlockMask, TransposedLists>();

/**
 * The lists that the gradients of keys and values go by: made once for each mask, in time linear in its blocks.
 *
 * @throws ConfigError for what is no mask.
 */
export function transposeLists(mask: BlockMask): TransposedLists {
  checkCall("transposeLists", ARGUMENTS, arguments);
  const lists = known.get(mask) ?? transposed(mask);
  known.set(mask, lists);
  return lists;
}

function transposed({ B, H, rows, columns, offsets, blocks, partial }: BlockMask): TransposedLists {
  const ends = new Uint32Array(B * H * columns + 1);
  const list = { blocks: new Uint32Array(blocks.length), partial: new Uint8Array(blocks.length) };
  for (let i = 0; i < B * H; i++) {
    const [begin, end] = [offsets[i * rows] as number, offsets[(i + 1) * rows] as number];
    for (let at = begin; at < end; at++) (ends[i * columns + (blocks[at] as number) + 1] as number) += 1;
  }
  for (let i = 1; i < ends.length; i++) (ends[i] as number) += ends[i - 1] as number;
  const next = ends.slice();
  for (let i = 0; i < B * H * rows; i++) {
    const first = Math.floor(i / rows) * columns;
    for (let at = offsets[i] as number; at < (offsets[i + 1] as number); at++) {
      const column = first + (blocks[at] as number);
      const to = next[column] as number;
      next[column] = to + 1;
      list.blocks[to] = i % rows;
      list.partial[to] = partial[at] as number;
    }
  }
  return { offsets: ends, ...list };
}
