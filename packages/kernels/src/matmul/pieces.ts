import { forEachBlock } from "../shared/blocks.ts";
import type { MatmulOperands, MatmulPiece, MatmulProblem } from "./problem.ts";

/** Columns of C, or steps of K, that stay together when B is cut: aligned in every dtype. */
const STRIP = 128;

/**
 * Cuts a problem in launches whose operands fit a binding each; one for all but long tensors. Matrices of a batch go first, then B by strips of
 * N (transposed) or K, then A and C by rows or, for a transposed A, A and B by K. Pieces of K add to C after the first.
 */
export function piecesOf(problem: MatmulProblem, operands: MatmulOperands): MatmulPiece[] {
  const { a, b, c, bias, residual, before } = operands;
  const { m, n, k, transposeA, transposeB } = problem;
  const whole = {
    problem,
    a,
    b,
    c,
    bias,
    residual,
    before,
    lda: transposeA ? m : k,
    ldb: transposeB ? k : n,
    ldc: n,
    firstA: 0,
    firstC: 0,
  };
  const { device } = c;
  const most = device.limits.maxBindingBytes;
  if ([a, b, c].every((tensor) => tensor.byteLength <= most)) return [whole];

  const pieces: MatmulPiece[] = [];
  const later = (first: number, part: Partial<MatmulProblem>): MatmulProblem => ({
    ...problem,
    ...part,
    accumulate: problem.accumulate || first > 0,
  });
  if (problem.batch > 1) {
    const [unitA, unitB] = [problem.strideA, problem.strideB];
    const cut = [[c, m * n], ...(unitA ? [[a, unitA] as const] : []), ...(unitB ? [[b, unitB] as const] : [])] as const;
    forEachBlock("matmul", device, problem.batch, cut, ({ count, of }) => {
      const [A, B] = [unitA ? (of(a, unitA) ?? a) : a, unitB ? (of(b, unitB) ?? b) : b];
      pieces.push({ ...whole, problem: { ...problem, batch: count }, a: A, b: B, c: of(c, m * n) ?? c });
    });
  } else if (transposeA) {
    forEachBlock("matmul", device, k, [[a, m], ...(transposeB ? [] : [[b, n] as const])], ({ first, count, of }) => {
      const part = {
        ...whole,
        problem: later(first, { k: count }),
        a: of(a, m) ?? a,
        b: (transposeB ? b : of(b, n)) ?? b,
      };
      pieces.push({ ...part, bias: first > 0 ? undefined : bias });
    });
  } else if (b.byteLength > most) {
    const width = transposeB ? k : n;
    const strips = Math.ceil((transposeB ? n : k) / STRIP);
    // Only B is cut, so that A and C keep their rows: the piece says where it starts inside them.
    forEachBlock("matmul", device, strips, [[b, STRIP * width]], ({ first, count }) => {
      const start = first * STRIP;
      const length = Math.min(count * STRIP, (transposeB ? n : k) - start);
      const B = { tensor: b, offset: start * width, length: length * width };
      if (transposeB) pieces.push({ ...whole, problem: { ...problem, n: length }, b: B, firstC: start });
      else
        pieces.push({
          ...whole,
          problem: later(start, { k: length }),
          b: B,
          firstA: start,
          bias: start > 0 ? undefined : bias,
        });
    });
    return pieces.flatMap((piece) => cutRows(piece, operands));
  } else {
    return cutRows(whole, operands);
  }
  return pieces;
}

/** Cuts A [M, K] and C [M, N] by rows where they do not fit. */
function cutRows(piece: MatmulPiece, { a, c }: MatmulOperands): MatmulPiece[] {
  const rows: MatmulPiece[] = [];
  const { lda, ldc, problem } = piece;
  forEachBlock(
    "matmul",
    c.device,
    problem.m,
    [
      [a, lda],
      [c, ldc],
    ],
    ({ count, of }) => {
      rows.push({ ...piece, problem: { ...problem, m: count }, a: of(a, lda) ?? a, c: of(c, ldc) ?? c });
    },
  );
  return rows;
}
