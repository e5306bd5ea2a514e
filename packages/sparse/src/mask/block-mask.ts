import type { BoolNode } from "../expression/node.ts";

/** Sides of blocks, in tokens. */
export type BlockSize = 32 | 64 | 128;

/**
 * Which keys each query sees, as lists of blocks: for each block of queries the blocks of keys that it sees some of.
 * Data, frozen. A query sees exactly the keys of its listed blocks that are full, and of partial ones those for which
 * `keep` is true.
 */
export interface BlockMask {
  /** Queries and keys. */
  readonly N: number;
  readonly M: number;
  /** Batch rows and (query) heads that have lists of their own; 1: the same for all. */
  readonly B: number;
  readonly H: number;
  /** Tokens of a block, on both sides. */
  readonly blockSize: BlockSize;
  /** Blocks of queries: ceil(N / blockSize). */
  readonly rows: number;
  /** Blocks of keys: ceil(M / blockSize). */
  readonly columns: number;
  /** [B * H * rows + 1]: list number `(b * H + h) * rows + row` is `blocks` from `offsets[i]` to below `offsets[i + 1]`. */
  readonly offsets: Uint32Array;
  /** Blocks of keys, which rise within a list. */
  readonly blocks: Uint32Array;
  /** Of each listed block: 1 where `keep` has to be asked for each pair, 0 where every query sees every key. */
  readonly partial: Uint8Array;
  /** Condition by (b, h, q, k), for partial blocks; absent where all blocks are full. In a full block it is true. */
  readonly keep?: BoolNode | undefined;
  /** Listed blocks over all blocks, 0 to 1. */
  readonly density: number;
  /** Lists without a block: their queries see nothing. */
  readonly emptyRows: number;
  /** Memory of the lists. */
  readonly bytes: number;
}

/** The lists of a mask, as they are made. */
export type BlockLists = Pick<
  BlockMask,
  "N" | "M" | "B" | "H" | "blockSize" | "offsets" | "blocks" | "partial" | "keep"
>;

/** The condition of each mask at every pair, where it is known without its lists. */
const masks = new WeakMap<object, BoolNode | undefined>();

/**
 * Every mask is made here, so that whoever is given one knows that its lists hold together.
 *
 * @param everywhere - the condition, true for what is seen and false for everything else, listed or not
 */
export function madeMask({ keep, ...lists }: BlockLists, everywhere?: BoolNode): BlockMask {
  const { N, M, B, H, blockSize, offsets, blocks, partial } = lists;
  const [rows, columns] = [Math.ceil(N / blockSize), Math.ceil(M / blockSize)];
  let emptyRows = 0;
  for (let i = 0; i + 1 < offsets.length; i++) if (offsets[i] === offsets[i + 1]) emptyRows++;
  const mask: BlockMask = Object.freeze({
    ...lists,
    rows,
    columns,
    ...(keep && partial.includes(1) && { keep }),
    density: blocks.length / (B * H * rows * columns),
    emptyRows,
    bytes: offsets.byteLength + blocks.byteLength + partial.byteLength,
  });
  masks.set(mask, everywhere);
  return mask;
}

/** Was it made by a function of this package? */
export const isBlockMask = (value: unknown): value is BlockMask =>
  typeof value === "object" && value !== null && masks.has(value);

/** The condition of a mask at every pair, if it has one that does not need its lists. */
export const everywhereOf = (mask: BlockMask): BoolNode | undefined => masks.get(mask);
