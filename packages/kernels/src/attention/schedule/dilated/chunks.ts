import type { ResolvedAttention } from "../../op/options.ts";
import { padRows } from "./geometry.ts";

/** Words of one chunk: segBegin, segEnd, jBegin, jEnd, padRows. */
export const CHUNK_WORDS = 5;

/** Work items of one branch for the WebAssembly kernels. */
export interface BranchChunks {
  /** Number of chunks. Work items are (batch row, head, chunk). */
  readonly count: number;
  /**
   * `count` x {@link CHUNK_WORDS} u32: `[segBegin, segEnd)` a segment in tokens, `[jBegin, jEnd)` query rows of the segment, `padRows` its sparse rows after
   * zero padding (0: no zero keys). Row j of head h is token segBegin + s(h) + r·j. The table is that of offset 0, which has the most rows: a head
   * with an offset has to stop at realRows(segEnd - segBegin, r, s), and its zero keys are padRows less that.
   */
  readonly table: Uint32Array;
}

/**
 * Cuts each branch into chunks of at most `rows` query rows of one segment. Chunks are independent of one another within a branch, so any number of
 * threads gives the same result.
 *
 * @param rows - Query rows a chunk.
 */
export function planChunks(resolved: ResolvedAttention, { rows }: { readonly rows: number }): BranchChunks[] {
  return resolved.branches.map((branch) => {
    const words: number[] = [];
    for (const sequence of resolved.sequences) {
      const pad = padRows(resolved, branch, sequence);
      for (let start = sequence.start; start < sequence.end; start += branch.w) {
        const end = Math.min(start + branch.w, sequence.end);
        const sparse = Math.ceil((end - start) / branch.r);
        for (let j = 0; j < sparse; j += rows) words.push(start, end, j, Math.min(j + rows, sparse), pad);
      }
    }
    return { count: words.length / CHUNK_WORDS, table: Uint32Array.from(words) };
  });
}
