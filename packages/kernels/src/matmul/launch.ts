import { type Maybe, Tensor, type TensorArgument } from "@dilated/core";
import { kernelDtype, stored, widen } from "../shared/half.ts";
import { sumSlices } from "../shared/sum-slices.ts";
import { matmulLayout, matmulTiles } from "../wasm/matmul.layout.ts";
import { blocksOf, inBlocks } from "./blocks.ts";
import { type MatmulBody, matmulKernels } from "./kernels.ts";
import { launchMatrix } from "./matrix/launch.ts";
import { type MatrixPlan, matrixPlan } from "./matrix/plan.ts";
import { piecesOf } from "./pieces.ts";
import {
  chooseSplits,
  chooseVariant,
  type MatmulOperands,
  type MatmulPiece,
  type MatmulProblem,
  type TileVariant,
  tilesOf,
} from "./problem.ts";

/**
 * Result of a problem as a new tensor of `shape`; `accumulate` has no meaning here.
 *
 * @param place - asked for memory of this shape and dtype, where the result can be written as it is
 */
export function runMatmul(
  problem: MatmulProblem,
  operands: Omit<MatmulOperands, "c">,
  shape: Tensor["shape"],
  dtype: Tensor["dtype"],
  place?: () => Maybe<Tensor>,
): Tensor {
  const { device } = operands.a;
  return device.scope(() => {
    const work = workDtype(problem, operands, dtype);
    const given = work === dtype ? place?.() : undefined;
    const c = given ?? device.empty(shape, { dtype: work, label: "matmul" });
    return stored(launchMatmul(problem, { ...operands, c }), dtype);
  });
}

/** Two f16 share a word, so what is not written by fours, or added to, is made as f32 and rounded once. */
function workDtype(
  problem: MatmulProblem,
  { a, b, bias }: Omit<MatmulOperands, "c">,
  dtype: Tensor["dtype"],
): Tensor["dtype"] {
  const { m, n, k, transposeA, transposeB } = problem;
  const most = a.device.limits.maxBindingBytes;
  const long = [a, b, ...(bias ? [bias] : [])].some((tensor) => tensor.byteLength > most);
  const byFours = n % 4 === 0 && (transposeA ? m : k) % 4 === 0 && (transposeB ? k : n) % 4 === 0;
  return byFours && !long ? kernelDtype(a.device, dtype) : "f32";
}

/** Writes (or adds, in f32) a problem's result to C. Returns C. */
export function launchMatmul(problem: MatmulProblem, operands: MatmulOperands): Tensor {
  const { a, b, c, bias } = operands;
  const wide = { ...operands, a: widen(a), b: widen(b), bias: widen(bias) };
  const blocks = blocksOf(problem, wide);
  if (blocks) {
    inBlocks(blocks, problem, wide, launchMatmul);
    return c;
  }
  const pieces = piecesOf(problem, wide);
  for (const piece of pieces) {
    const plan = planOf(piece, c);
    if (plan) {
      inParts(piece, c, plan.splits, (part, target) => launchMatrix(part, target, plan));
    } else if (c.device.info.backend === "wasm") launchBlocks(piece, c);
    else launchTiles(piece, c);
  }
  return c;
}

/** Can the activation and the residual be done along with the product, in one kernel? */
export function fusesEpilogue(
  { problem }: { readonly problem: Omit<MatmulProblem, "accumulate"> },
  { a, b, bias, residual }: Omit<MatmulOperands, "c">,
): boolean {
  const { batch, m, n } = problem;
  const most = a.device.limits.maxBindingBytes;
  const result = batch * m * n * (a.byteLength / a.size);
  if (result > most || [a, b, bias, residual].some((tensor) => tensor && tensor.byteLength > most)) return false;
  const [whole] = piecesOf({ ...problem, accumulate: false }, { a, b, c: a, bias });
  return whole !== undefined && planOf(whole, a) !== undefined;
}

function planOf(piece: MatmulPiece, c: Tensor): Maybe<MatrixPlan> {
  const { a, b, problem, residual } = piece;
  const dtypes = [dtypeOf(a), dtypeOf(b)] as const;
  const splitting = isDense(piece) && !problem.activation && !residual;
  return matrixPlan(c.device, problem, { ...piece, dtypes, splitting });
}

function dtypeOf(argument: TensorArgument): Tensor["dtype"] {
  return argument instanceof Tensor ? argument.dtype : argument.tensor.dtype;
}

/** Partial sums can be added up as one run of memory. */
function isDense({ firstC, ldc, problem: { m, n } }: MatmulPiece): boolean {
  return firstC === 0 && ldc === n && (m * n) % 4 === 0;
}

/** Runs a piece whose K is cut in `splits` parts: into partial sums, and those into C. */
function inParts(
  piece: MatmulPiece,
  c: Tensor,
  splits: number,
  run: (piece: MatmulPiece, target: Tensor) => void,
): void {
  if (splits === 1) {
    run(piece, c);
    return;
  }
  const { m, n, accumulate } = piece.problem;
  const partial = c.device.empty([splits, m * n], { label: "matmul partial sums" });
  run({ ...piece, c: partial, problem: { ...piece.problem, accumulate: false } }, partial);
  sumSlices(partial, splits, piece.c, m * n, accumulate);
  partial.dispose();
}

function launchBlocks(piece: MatmulPiece, c: Tensor): void {
  const { batch, m: M, n: N } = piece.problem;
  const tiling = { batch, M, N, ...matmulTiles(batch, M, N) };
  const { tileM, tileN } = tiling;
  launchPiece(piece, c, {
    groups: 0,
    items: matmulLayout.items(tiling),
    scratchBytes: matmulLayout.scratchBytes(tiling),
    tileM,
    tileN,
  });
}

export function launchTiles(
  piece: MatmulPiece,
  c: Tensor,
  variant: TileVariant = chooseVariant(c.device, piece.problem),
): void {
  const { problem } = piece;
  const splits = isDense(piece) && c.dtype === "f32" ? chooseSplits(problem, variant) : 1;
  const chunk = Math.max(16, Math.ceil(Math.ceil(problem.k / splits) / 16) * 16);
  const plan = {
    groups: tilesOf(problem, variant) * splits,
    items: 1,
    constants: variant.constants,
    body: variant.body,
    splits,
    chunk,
  };
  inParts(piece, c, splits, (part, target) => launchPiece(part, target, plan));
}

/** How one launch is shared out, on either backend. */
interface LaunchPlan {
  readonly groups: number;
  readonly items: number;
  readonly constants?: Readonly<Record<string, number | boolean>>;
  readonly scratchBytes?: number;
  readonly body?: MatmulBody;
  readonly tileM?: number;
  readonly tileN?: number;
  readonly splits?: number;
  readonly chunk?: number;
}

function launchPiece(piece: MatmulPiece, c: Tensor, plan: LaunchPlan): void {
  const { problem, a, b, bias, lda, ldb, ldc, firstA, firstC } = piece;
  const { batch, m, n, k, transposeA, transposeB, strideA, strideB, alpha, accumulate } = problem;
  const {
    groups,
    items,
    constants = {},
    body = "tile",
    scratchBytes = 0,
    tileM = 0,
    tileN = 0,
    splits = 1,
    chunk = k,
  } = plan;
  const byFours = [lda, ldb, ldc, n, strideA, strideB, firstA, firstC].every((size) => size % 4 === 0);
  c.device.run(matmulKernels[body][byFours ? "vec4" : "scalar"], {
    tensors: { a, b, c: piece.c, bias },
    scalars: {
      batch,
      m,
      n,
      k,
      trans_a: transposeA ? 1 : 0,
      trans_b: transposeB ? 1 : 0,
      lda,
      ldb,
      ldc,
      stride_a: strideA,
      stride_b: strideB,
      stride_c: m * n,
      tile_m: tileM,
      tile_n: tileN,
      alpha,
      beta: accumulate ? 1 : 0,
      first_a: firstA,
      first_c: firstC,
      splits,
      chunk: Math.max(1, chunk),
    },
    constants: { ...constants, TRANS_A: transposeA, TRANS_B: transposeB, ACCUMULATE: accumulate },
    groups,
    items,
    scratchBytes,
    flops: 2 * batch * m * n * k,
  });
}
