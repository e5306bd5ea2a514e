/** Words of one block: segBegin, segEnd, keyBegin, keyEnd, queryBegin, queryEnd. */
export const BLOCK_WORDS = 6;
const CHUNK_WORDS = 5;

/** One launch of the backward kernel. */
export interface BackwardLaunch {
  readonly count: number;
  /** `count` x {@link BLOCK_WORDS} u32. */
  readonly table: Uint32Array;
}

/**
 * Cuts the gradient of a branch into launches whose blocks share no rows, so that dq, dk and dv come from one kernel without atomics.
 *
 * A segment of P chunks has P x P (key chunk, query chunk) blocks. Launch p does the p-th wrapped diagonal, (i, (i + p) mod P): every row of the
 * segment occurs once as a key and once as a query. Segments of one chunk, the common case, need a single launch. The
 * order of summation follows from the chunks alone and not from the threads.
 *
 * @param chunks - Chunk table of the branch (`planChunks`), whose `rows` become the block size.
 * @param causal - Leave out blocks whose queries all precede their keys.
 */
export function backwardLaunches(chunks: { readonly table: Uint32Array }, causal: boolean): BackwardLaunch[] {
  const launches: number[][] = [];
  const { table } = chunks;
  for (let first = 0; first < table.length; ) {
    const segBegin = table[first] as number;
    const segEnd = table[first + 1] as number;
    const ranges: [begin: number, end: number][] = [];
    for (; first < table.length && table[first] === segBegin; first += CHUNK_WORDS) {
      ranges.push([table[first + 2] as number, table[first + 3] as number]);
    }
    ranges.forEach((keys, i) => {
      for (let p = 0; p < ranges.length; p++) {
        const at = (i + p) % ranges.length;
        if (causal && at < i) continue;
        launches[p] = launches[p] ?? [];
        launches[p]?.push(segBegin, segEnd, ...keys, ...(ranges[at] as [number, number]));
      }
    });
  }
  return launches.map((blocks) => ({ count: blocks.length / BLOCK_WORDS, table: Uint32Array.from(blocks) }));
}
