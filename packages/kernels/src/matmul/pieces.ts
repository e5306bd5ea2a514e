import { BYTES, type Tensor } from "@dilated/core";
import { forEachBlock } from "../shared/blocks.ts";
import type { MatmulOperands, MatmulPiece, MatmulProblem } from "./problem.ts";

/** Columns of C, or steps of K, that stay together when B is cut, where that many fit: fast kernels want starts like these. */
const STRIP = 128;

/**
 * Cuts a problem in launches whose operands fit a binding each; one for all but long tensors. Matrices of a batch go first, then steps of K through whichever
 * of A and B has them as rows, columns of C through a transposed B, and rows of C. Only rows are cut in memory: where a piece starts inside the rows of A
 * or C, it says so. Pieces of K add to C after the first. What cannot be cut like this goes by blocks: see `blocksOf`.
 */
export function piecesOf(problem: MatmulProblem, operands: MatmulOperands): MatmulPiece[] {
  const { a, b, c, bias, residual, before } = operands;
  const { m, n, k, transposeA, transposeB } = problem;
  const whole: MatmulPiece = {
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
  const most = c.device.limits.maxBindingBytes;
  if ([a, b, c].every((tensor) => tensor.byteLength <= most)) return [whole];
  if (problem.batch > 1) return cutBatch(whole, operands);
  let pieces = [whole];
  if (!transposeB && (b.byteLength > most || (transposeA && a.byteLength > most))) pieces = cutSteps(whole, operands);
  if (transposeB && b.byteLength > most) pieces = cutColumns(whole, operands);
  return pieces.flatMap((piece) => cutRows(piece, operands));
}

function cutBatch(whole: MatmulPiece, { a, b, c }: MatmulOperands): MatmulPiece[] {
  const { problem } = whole;
  const { batch, m, n, strideA: unitA, strideB: unitB } = problem;
  const cut = [[c, m * n], ...(unitA ? [[a, unitA] as const] : []), ...(unitB ? [[b, unitB] as const] : [])] as const;
  const pieces: MatmulPiece[] = [];
  forEachBlock("matmul", c.device, batch, cut, ({ count, of }) => {
    const [A, B] = [unitA ? (of(a, unitA) ?? a) : a, unitB ? (of(b, unitB) ?? b) : b];
    pieces.push({ ...whole, problem: { ...problem, batch: count }, a: A, b: B, c: of(c, m * n) ?? c });
  });
  return pieces;
}

/** Steps of K: rows of B, and rows of a transposed A or a start inside those of A. */
function cutSteps(whole: MatmulPiece, { a, b, c, bias }: MatmulOperands): MatmulPiece[] {
  const { problem } = whole;
  const { m, n, k, transposeA } = problem;
  const pieces: MatmulPiece[] = [];
  const strip = stripOf(c, transposeA ? Math.max(m, n) : n);
  const tensors = [[b, strip * n] as const, ...(transposeA ? [[a, strip * m] as const] : [])];
  forEachBlock("matmul", c.device, Math.ceil(k / strip), tensors, ({ first, count }) => {
    const start = first * strip;
    const length = Math.min(count * strip, k - start);
    pieces.push({
      ...whole,
      problem: { ...problem, k: length, accumulate: problem.accumulate || start > 0 },
      a: transposeA ? { tensor: a, offset: start * m, length: length * m } : a,
      b: { tensor: b, offset: start * n, length: length * n },
      bias: start > 0 ? undefined : bias,
      firstA: transposeA ? 0 : start,
    });
  });
  return pieces;
}

/** Columns of C, which are rows of a transposed B. */
function cutColumns(whole: MatmulPiece, { b, c }: MatmulOperands): MatmulPiece[] {
  const { problem } = whole;
  const { n, k } = problem;
  const pieces: MatmulPiece[] = [];
  const strip = stripOf(c, k);
  forEachBlock("matmul", c.device, Math.ceil(n / strip), [[b, strip * k]], ({ first, count }) => {
    const start = first * strip;
    const length = Math.min(count * strip, n - start);
    const B = { tensor: b, offset: start * k, length: length * k };
    pieces.push({ ...whole, problem: { ...problem, n: length }, b: B, firstC: start });
  });
  return pieces;
}

function stripOf({ device }: Tensor, width: number): number {
  return STRIP * width * BYTES.f32 <= device.limits.maxBindingBytes ? STRIP : 1;
}

/** Cuts C [M, N] by rows where it does not fit, and A with it: its rows or, transposed, a start inside them. */
function cutRows(piece: MatmulPiece, { a, c }: MatmulOperands): MatmulPiece[] {
  const rows: MatmulPiece[] = [];
  const { lda, ldc, problem, firstA } = piece;
  const { transposeA } = problem;
  const cut = [[c, ldc] as const, ...(transposeA ? [] : [[a, lda] as const])];
  forEachBlock("matmul", c.device, problem.m, cut, ({ first, count, of }) => {
    const A = transposeA ? piece.a : (of(a, lda) ?? a);
    rows.push({
      ...piece,
      problem: { ...problem, m: count },
      a: A,
      c: of(c, ldc) ?? c,
      firstA: transposeA ? firstA + first : firstA,
    });
  });
  return rows;
}
