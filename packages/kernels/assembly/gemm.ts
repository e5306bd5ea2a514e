import { roundUp } from "./simd";
import { MR, NR, tile4x8, edgeTile } from "./gemm-micro";
import { packA, packB } from "./gemm-pack";
import { thinColumns, thinRows } from "./gemm-thin";

/**
 * Depth of one packed panel. Short, for accuracy: rounding grows with the length of one running sum, so panels of 96 halve the error of
 * panels of 256 at K = 2,300, for 4 % of the speed.
 */
const KC: i32 = 96;

/**
 * C[M, N] = alpha·op(A)·op(B) + bias[N] + beta·C, batched. Words: see matmul.layout.ts.
 *
 * An item is one block of C of tileM x tileN, item = (batch·colBlocks + colBlock)·rowBlocks + rowBlock: neighbouring items share
 * their block of B in cache. K is always cut at multiples of KC from 0, so the result does not depend on tiles or threads.
 * Scratch: edge tile 256 B | bias tileN | A panels | B panels.
 */
export function matmulF32(params: usize, begin: i32, end: i32, scratch: usize): void {
  // A piece of a product may start inside A and C; the bias is that of C's columns.
  const firstA = load<usize>(params, 80) << 2, firstC = load<usize>(params, 84) << 2, whole = load<usize>(params, 12);
  const a0 = load<usize>(params, 0) + firstA, b0 = load<usize>(params, 4), c0 = load<usize>(params, 8) + firstC;
  const bias = whole ? whole + firstC : 0;
  const M = load<i32>(params, 20), N = load<i32>(params, 24), K = load<i32>(params, 28);
  const transA = load<i32>(params, 32), transB = load<i32>(params, 36);
  const lda = load<usize>(params, 40) << 2, ldb = load<usize>(params, 44) << 2, ldc = load<usize>(params, 48) << 2;
  const strideA = load<usize>(params, 52) << 2, strideB = load<usize>(params, 56) << 2, strideC = load<usize>(params, 60) << 2;
  const tileM = load<i32>(params, 64), tileN = load<i32>(params, 68);
  const alpha = load<f32>(params, 72), beta = load<f32>(params, 76);

  const rowBlocks = (M + tileM - 1) / tileM, colBlocks = (N + tileN - 1) / tileN;
  const aRow: usize = transA ? 4 : lda, aK: usize = transA ? lda : 4;
  const bCol: usize = transB ? ldb : 4, bK: usize = transB ? 4 : ldb;
  const biasPack = scratch + 256;
  const aPack = biasPack + <usize>roundUp(tileN, 16) * 4;
  const aBytes = <usize>(roundUp(tileM, MR) * KC) * 4;
  const bPack = aPack + aBytes;

  for (let item = begin; item < end; item++) {
    const i0 = (item % rowBlocks) * tileM, rest = item / rowBlocks;
    const j0 = (rest % colBlocks) * tileN, batch = <usize>(rest / colBlocks);
    const rows = min(tileM, M - i0), cols = min(tileN, N - j0);
    const a = a0 + batch * strideA + <usize>i0 * aRow;
    const b = b0 + batch * strideB + <usize>j0 * bCol;
    const c = c0 + batch * strideC + <usize>i0 * ldc + <usize>j0 * 4;
    memory.fill(biasPack, 0, <usize>roundUp(cols, NR) * 4);
    if (bias) memory.copy(biasPack, bias + <usize>j0 * 4, <usize>cols * 4);

    for (let k0 = 0; k0 < K; k0 += KC) {
      const k = min(KC, K - k0);
      // Later panels of K add to what the first one wrote; bias and beta enter once.
      if (k0 == KC) memory.fill(biasPack, 0, <usize>roundUp(cols, NR) * 4);
      store<f32>(scratch + 192, k0 > 0 ? 1 : beta);
      const keep: usize = k0 > 0 || beta != 0 ? scratch + 192 : 0;
      if (M < MR) {
        for (let i: usize = 0; i < <usize>rows; i++) {
          const row = a + i * aRow + <usize>k0 * aK, to = c + i * ldc, from = b + <usize>k0 * bK;
          for (let kk: usize = 0; kk < <usize>k; kk++) store<f32>(aPack + kk * 4, alpha * load<f32>(row + kk * aK));
          memory.copy(bPack, biasPack, <usize>cols * 4);
          if (transB) thinColumns(aPack, from, bCol, cols, k, bPack);
          else thinRows(aPack, from, bK, cols, k, bPack);
          for (let j: usize = 0; j < <usize>cols * 4; j += 4) {
            store<f32>(to + j, load<f32>(bPack + j) + (keep ? load<f32>(keep) * load<f32>(to + j) : <f32>0));
          }
        }
        continue;
      }
      packA(a + <usize>k0 * aK, aRow, aK, rows, k, alpha, aPack);
      packB(b + <usize>k0 * bK, bCol, bK, cols, k, bPack);
      // One panel of B stays in L1 while all panels of A stream past it from L2.
      for (let j = 0; j < cols; j += NR) {
        const panelB = bPack + <usize>(j * k) * 4;
        const n = min(NR, cols - j);
        for (let i = 0; i < rows; i += MR) {
          const panelA = aPack + <usize>(i * k) * 4, m = min(MR, rows - i);
          const at = c + <usize>i * ldc + <usize>j * 4, bj = biasPack + <usize>j * 4;
          if (m == MR && n == NR) tile4x8(panelA, panelB, k, at, ldc, bj, keep);
          else edgeTile(panelA, panelB, k, at, ldc, bj, keep, m, n, scratch);
        }
      }
    }
  }
}
