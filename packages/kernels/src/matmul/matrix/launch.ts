import type { Tensor } from "@dilated/core";
import { CURVES } from "../../activation/curves.ts";
import type { MatmulPiece } from "../problem.ts";
import { matrixKernel } from "./kernel.ts";
import type { MatrixPlan } from "./plan.ts";

/** Queues one piece on matrix units; with K split, `c` takes the parts [splits, M, N]. */
export function launchMatrix(piece: MatmulPiece, c: Tensor, plan: MatrixPlan): void {
  const { problem, a, b, bias, residual, before, lda, ldb, ldc, firstA, firstC } = piece;
  const { batch, m, n, k, transposeA, transposeB, strideA, strideB, alpha, accumulate, activation } = problem;
  const { units, tile, splits, chunk } = plan;
  const { MM, MN } = units;
  const { SG_M, SG_N, ROWS, COLS, TILE_K } = tile;
  const [tileM, tileN] = [SG_M * ROWS, SG_N * COLS];
  c.device.run(matrixKernel, {
    tensors: { a, b, c: piece.c, bias, residual, before },
    scalars: {
      m,
      n,
      k,
      lda,
      ldb,
      ldc,
      stride_a: strideA,
      stride_b: strideB,
      stride_c: m * n,
      alpha,
      first_a: firstA,
      first_c: firstC,
      splits,
      chunk,
    },
    constants: {
      ...units,
      SG_M,
      SG_N,
      RM: ROWS / MM,
      RN: COLS / MN,
      TILE_K,
      TRANS_A: transposeA,
      TRANS_B: transposeB,
      GUARD_K: k % TILE_K !== 0,
      C_HALF: c.dtype === "f16",
      ACCUMULATE: accumulate,
      ACTIVE: activation !== undefined,
      CURVE: activation ? CURVES[activation] : 0,
    },
    groups: batch * splits * Math.ceil(m / tileM) * Math.ceil(n / tileN),
    items: 0,
    flops: 2 * batch * m * n * k,
  });
}
