import type { ResolvedAttention, ResolvedBranch, TokenRange } from "../../pattern/options.ts";
import { CPU_WORDS, type CpuBackward, type CpuForward, type CpuPass } from "../schedule.ts";
import { realRows } from "./geometry.ts";
import { cut, lineOf, segmentsOf } from "./segments.ts";

// Work items of the CPU's kernels: each branch is one pass. A head finds its rows by its offset, so heads of one offset
// have a pattern, with tables of its own.

/** One pass a branch; chunks are independent of one another, so any number of threads gives the same result. */
export function forwardPasses(resolved: ResolvedAttention, rows: number): CpuForward[] {
  return resolved.branches.map((branch) => {
    const { offsets, pass } = patternsOf(resolved, branch);
    const chunks: number[] = [];
    const runs: number[] = [];
    let chunkCount = 0;
    for (const segment of segmentsOf(resolved, branch)) {
      const { queries, keys, start, shift, padded } = segment;
      const firstRun = runs.length / CPU_WORDS.run;
      for (const s of offsets) {
        const line = lineOf(keys, start, s, branch.r);
        runs.push(line.first, line.count, branch.r, line.first, branch.r);
      }
      for (let j = 0; j < rowsOf(queries, branch); j += rows) {
        const entries = offsets.map((s, c) => {
          const line = cut(lineOf(queries, start, s, branch.r), j, j + rows, branch.r);
          const zeros = Math.max(0, padded - realRows(keys.end - start, branch.r, s));
          const run = firstRun + c;
          return [line.first - shift, line.count, branch.r, line.first, branch.r, run, run + 1, zeros];
        });
        if (entries.every(([, count]) => count === 0)) continue;
        chunks.push(...entries.flat());
        chunkCount++;
      }
    }
    return { ...pass, chunkCount, chunks: Int32Array.from(chunks), runs: Int32Array.from(runs) };
  });
}

/**
 * Launches whose blocks share no rows, so that dq, dk and dv come from one kernel without atomics.
 *
 * A segment of P chunks of keys or of queries, whichever are more, has at most P x P (key chunk, query chunk) blocks.
 * Launch p does the p-th wrapped diagonal, (i, (i + p) mod P): every row of the segment occurs at most once as a key
 * and once as a query. Segments of one chunk, the common case, need a single launch. The order of summation follows
 * from the chunks alone and not from the threads.
 */
export function backwardPasses(resolved: ResolvedAttention, rows: number): CpuBackward[] {
  return resolved.branches.flatMap((branch) => {
    const { offsets, pass } = patternsOf(resolved, branch);
    const { r, low, high } = branch;
    const launches: number[][] = [];
    for (const { queries, keys, start, shift } of segmentsOf(resolved, branch)) {
      const [keyChunks, queryChunks] = [keys, queries].map((range) => Math.ceil(rowsOf(range, branch) / rows)) as [
        number,
        number,
      ];
      const P = Math.max(keyChunks, queryChunks);
      for (let i = 0; i < keyChunks; i++) {
        for (let j = 0; j < queryChunks; j++) {
          const entries = offsets.map((s) => {
            const key = cut(lineOf(keys, start, s, r), i * rows, (i + 1) * rows, r);
            const query = cut(lineOf(queries, start, s, r), j * rows, (j + 1) * rows, r);
            const nearest = key.first - (query.first + (query.count - 1) * r);
            const farthest = key.first + (key.count - 1) * r - query.first;
            const seen = key.count > 0 && query.count > 0 && nearest <= high && farthest >= low;
            return [
              key.first,
              seen ? key.count : 0,
              r,
              key.first,
              r,
              query.first - shift,
              query.count,
              r,
              query.first,
              r,
            ];
          });
          if (entries.every((entry) => entry[1] === 0)) continue;
          const p = (j - i + P) % P;
          launches[p] ??= [];
          launches[p].push(...entries.flat());
        }
      }
    }
    return launches.flatMap((blocks) =>
      blocks
        ? [{ ...pass, blockCount: blocks.length / (CPU_WORDS.block * offsets.length), blocks: Int32Array.from(blocks) }]
        : [],
    );
  });
}

/** The most rows of a stretch that any offset keeps. */
function rowsOf({ start, end }: TokenRange, { r }: ResolvedBranch): number {
  return Math.ceil((end - start) / r);
}

/** The offsets that heads of a branch have, one a pattern. */
function patternsOf(
  { H }: ResolvedAttention,
  { headStart, headEnd, low, high, offsets }: ResolvedBranch,
): { readonly offsets: readonly number[]; readonly pass: CpuPass } {
  const distinct = [...new Set(offsets.slice(headStart, headEnd))];
  const headPatterns = Uint32Array.from({ length: H }, (_, h) => Math.max(0, distinct.indexOf(offsets[h] as number)));
  const some = distinct.length > 0 ? distinct : [0];
  return { offsets: some, pass: { headStart, headEnd, low, high, headPatterns, patternCount: some.length } };
}
