import { checkCall, LimitError } from "@dilated/core";
import { closureOf } from "../expression/closure.ts";
import type { BlockMask } from "./block-mask.ts";
import { BLOCK_MASK, firstList } from "./sources.ts";

const ARGUMENTS = { mask: BLOCK_MASK };
const MOST_PAIRS = 2 ** 28;

/** The lists of a mask as arrays: for each block of queries, of each head of each batch row, its blocks of keys. */
export function maskToLists(mask: BlockMask): number[][] {
  checkCall("maskToLists", ARGUMENTS, arguments);
  const { offsets, blocks } = mask;
  return Array.from({ length: offsets.length - 1 }, (_, i) => Array.from(blocks.subarray(offsets[i], offsets[i + 1])));
}

/**
 * The truth value of every pair, as 1 and 0: for checks and pictures of small masks.
 *
 * @returns [B, H, N, M], row-major
 * @throws LimitError for over 2^28 pairs.
 */
export function maskToArray(mask: BlockMask): Uint8Array {
  checkCall("maskToArray", ARGUMENTS, arguments);
  const { B, H, N, M, blockSize, offsets, blocks, partial, keep } = mask;
  if (B * H * N * M > MOST_PAIRS)
    throw new LimitError("maskToArray: more than 2^28 pairs", {
      details: [`B ${B} x H ${H} x N ${N} x M ${M}`],
      fix: "take its lists: maskToLists(mask)",
    });
  const seen = new Uint8Array(B * H * N * M);
  const closure = keep && closureOf(keep, { qLength: N, kLength: M });
  for (let part = 0; part < B * H; part++) {
    const [b, h] = [Math.floor(part / H), part % H];
    for (let q = 0; q < N; q++) {
      const list = firstList(mask, b, h) + Math.floor(q / blockSize);
      const row = (part * N + q) * M;
      for (let at = offsets[list] as number; at < (offsets[list + 1] as number); at++) {
        const first = (blocks[at] as number) * blockSize;
        const end = Math.min(M, first + blockSize);
        for (let k = first; k < end; k++) seen[row + k] = partial[at] && closure ? closure({ b, h, q, k }) : 1;
      }
    }
  }
  return seen;
}
