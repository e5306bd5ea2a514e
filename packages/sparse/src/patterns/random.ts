import { ConfigError, checkCall, field, philox4x32, RANDOM_DOMAINS, seedKey } from "@dilated/core";
import { capture } from "../expression/capture.ts";
import type { BoolNode } from "../expression/node.ts";
import type { BlockMask, BlockSize } from "../mask/block-mask.ts";
import type { MaskFunction } from "../mask/build.ts";
import { andMasks } from "../mask/combine.ts";
import { maskFromBlocks } from "../mask/from-blocks.ts";
import { causal as causalMask } from "./windows.ts";

/** In place of a head, for blocks that all heads share: no head has this number. */
const SHARED = 2 ** 32 - 1;
const SEED = field.nonNegativeInteger();

/** `count` of the numbers below `size`, rising: Floyd's algorithm on Philox's words, the same wherever it runs. */
function drawn(seed: number, list: readonly [row: number, h: number], count: number, size: number): number[] {
  const key = seedKey(seed);
  const found = new Set<number>();
  let words = new Uint32Array(0);
  for (let i = size - count, n = 0; i < size; i++, n++) {
    if (n % 4 === 0) words = new Uint32Array(philox4x32([n / 4, ...list, RANDOM_DOMAINS.blocks], key));
    const one = Math.floor(((words[n % 4] as number) / 2 ** 32) * (i + 1));
    found.add(found.has(one) ? i : one);
  }
  return [...found].sort((a, b) => a - b);
}

/** Sizes of BigBird's pattern, in blocks. */
export interface BigBirdOptions {
  /** Tokens, for which the random blocks are drawn. */
  readonly N: number;
  /** Tokens of a block. */
  readonly block: number;
  /** Blocks of the window, the own one in the middle. @defaultValue 3 */
  readonly window?: number | undefined;
  /** First blocks, which see and are seen by all. @defaultValue 2 */
  readonly global?: number | undefined;
  /** Blocks drawn for each block of queries. @defaultValue 3 */
  readonly random?: number | undefined;
  /** @defaultValue 0 */
  readonly seed?: number | undefined;
}

const BIG_BIRD = {
  options: field.options<BigBirdOptions>({
    N: field.positiveInteger(2 ** 31 - 1),
    block: field.positiveInteger(2 ** 31 - 1),
    window: field.optional(field.positiveInteger(2 ** 16)),
    global: field.optional(field.nonNegativeInteger(2 ** 16)),
    random: field.optional(field.nonNegativeInteger(64)),
    seed: field.optional(SEED),
  }),
};

/**
 * A window, global tokens and random ones, all in blocks: not causal.
 *
 * @throws ConfigError where more blocks are to be drawn than there are.
 * @see Zaheer et al., "Big Bird: transformers for longer sequences" (2020), ITC
 */
export function bigBird(options: BigBirdOptions): MaskFunction {
  checkCall("bigBird", BIG_BIRD, arguments);
  const { N, block, window = 3, global = 2, random = 3, seed = 0 } = options;
  const rows = Math.ceil(N / block);
  if (random > rows || rows * random > 2 ** 24)
    throw new ConfigError("bigBird: random must be at most the number of blocks, and there may be 2^24 of them", {
      details: [`random: ${random}`, `ceil(N ${N} / block ${block}): ${rows} blocks`],
      fix: "draw fewer blocks, or larger ones",
    });
  const blocks = Array.from({ length: rows }, (_, row) => drawn(seed, [row, SHARED], random, rows));
  const table = random > 0 ? capture(Int32Array.from(blocks.flat()), { shape: [rows, random] }) : undefined;
  return ({ q, k }) => {
    const [row, column] = [q.div(block), k.div(block)];
    let seen: BoolNode = row
      .sub(column)
      .abs()
      .le(Math.floor(window / 2));
    if (global > 0) seen = seen.or(row.lt(global)).or(column.lt(global));
    for (let i = 0; table && i < random; i++) seen = seen.or(table.at(row, i).eq(column));
    return seen;
  };
}

/** What random blocks are drawn for. */
export interface RandomBlocksOptions {
  readonly N: number;
  /** @defaultValue N */
  readonly M?: number | undefined;
  /** Heads with blocks of their own. @defaultValue 1 */
  readonly H?: number | undefined;
  /** @defaultValue 128 */
  readonly blockSize?: BlockSize | undefined;
  /**
   * Blocks that are seen, over all blocks; over those that causal attention has, where it is causal. Above 0, up to 1.
   */
  readonly density: number;
  /** Only keys up to the own one; blocks on the diagonal are kept then. @defaultValue false */
  readonly causal?: boolean | undefined;
  /** @defaultValue 0 */
  readonly seed?: number | undefined;
}

const RANDOM = {
  options: field.options<RandomBlocksOptions>({
    N: field.positiveInteger(2 ** 31 - 1),
    M: field.optional(field.positiveInteger(2 ** 31 - 1)),
    H: field.optional(field.positiveInteger(2 ** 16)),
    blockSize: field.optional(field.oneOf([32, 64, 128])),
    density: field.custom("a number above 0, up to 1", (x) => typeof x === "number" && x > 0 && x <= 1),
    causal: field.optional(field.boolean()),
    seed: field.optional(SEED),
  }),
};

/**
 * A mask of random blocks: each head has as many as the density says, to within a block, but for causal ones below the
 * density of the diagonal.
 */
export function randomBlocks(options: RandomBlocksOptions): BlockMask {
  checkCall("randomBlocks", RANDOM, arguments);
  const { N, M = N, H = 1, blockSize = 128, density, causal = false, seed = 0 } = options;
  const [rows, columns] = [Math.ceil(N / blockSize), Math.ceil(M / blockSize)];
  const lists: number[][] = [];
  for (let h = 0; h < H; h++) {
    let [allowed, kept] = [0, 0];
    for (let row = 0; row < rows; row++) {
      const most = causal ? Math.min(columns, row + 1) : columns;
      allowed += most;
      const diagonal = causal && row < columns ? 1 : 0;
      // What rows before have too many or too few, later ones make up for.
      const due = Math.max(diagonal, Math.min(most, Math.round(density * allowed) - kept));
      const others = drawn(seed, [row, h], due - diagonal, most - diagonal);
      lists.push(diagonal ? [...others, row] : others);
      kept += due;
    }
  }
  const mask = maskFromBlocks(lists, { N, M, H, blockSize });
  return causal ? andMasks(mask, causalMask) : mask;
}
