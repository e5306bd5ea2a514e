import { type KernelLayout, roundUp } from "./layout.ts";

/** Rows and columns of the register tile, and depth of a packed panel (assembly/gemm-micro.ts, gemm.ts). */
const MR = 4;
const NR = 8;
const KC = 96;

/** What decides scratch and items of {@link matmulLayout}. */
export interface MatmulTiling {
  readonly batch: number;
  readonly M: number;
  readonly N: number;
  /** Rows of C in one item; a multiple of 4 wastes nothing. */
  readonly tileM: number;
  /** Columns of C in one item; a multiple of 8 wastes nothing. */
  readonly tileN: number;
}

/**
 * `C[M, N] = alpha·op(A)·op(B) + bias[N] + beta·C`, batched, f32.
 *
 * - `a` is `[M, K]`, or `[K, M]` with `transA` = 1; `b` is `[K, N]`, or `[N, K]` with `transB` = 1; `c` is `[M, N]`; `bias` may be 0 (none).
 * - `lda`, `ldb`, `ldc`: elements from one row *in memory* to the next. `strideA`, `strideB`, `strideC`: elements from one matrix of the batch
 *   to the next, 0 to use the same one for all (not for C).
 * - `firstA`, `firstC`: elements before the first of A and of C; `bias` begins as many before its own first.
 * - With `beta` = 0 the old C is never read, so it may be uninitialised.
 * - item = (batch·colBlocks + colBlock)·rowBlocks + rowBlock. The result does not depend on `tileM`, `tileN` or the threads.
 */
export const matmulLayout: KernelLayout<MatmulTiling> = {
  entry: "matmulF32",
  // Edge tile | bias | panels of A | panels of B.
  scratchBytes: ({ tileM, tileN }) => 256 + 4 * roundUp(tileN, 16) + 4 * KC * (roundUp(tileM, MR) + roundUp(tileN, NR)),
  items: ({ batch, M, N, tileM, tileN }) => batch * Math.ceil(M / tileM) * Math.ceil(N / tileN),
};

/**
 * Tile sizes that keep packing cheap and give several threads something to do: at most 172 x 256 (packed A and B: 65
 * and 96 KiB, for L2), blocks of equal size, smaller where the matrix is small. A function of the shape only.
 */
export function matmulTiles(batch: number, M: number, N: number): { readonly tileM: number; readonly tileN: number } {
  let rowBlocks = Math.ceil(M / 172);
  let colBlocks = Math.ceil(N / 256);
  // A block under 48 x 64 spends more on packing than threads can win back; with M < 4, narrow strips of B defeat the
  // prefetcher.
  while (batch * rowBlocks * colBlocks < 16) {
    if (M / rowBlocks >= 96 && M / rowBlocks >= N / colBlocks / 2) rowBlocks *= 2;
    else if (N / colBlocks >= (M < MR ? 512 : 128)) colBlocks *= 2;
    else break;
  }
  return { tileM: roundUp(Math.ceil(M / rowBlocks), MR), tileN: roundUp(Math.ceil(N / colBlocks), NR) };
}
