import { apply, formatShape, type Shape, ShapeError, sameShape, sizeOf, type Tensor } from "@dilated/core";
import { checkFloats, checkNumber, checkOptions, describe } from "../shared/check.ts";
import { type MatmulCall, matmulOp } from "./op.ts";

/** Options of {@link matmul}. */
export interface MatmulOptions {
  /** a lies as [..., K, M]. @defaultValue false */
  readonly transposeA?: boolean;
  /** b lies as [..., N, K]. @defaultValue false */
  readonly transposeB?: boolean;
  /** [N], added to every row of the result; differentiable. @defaultValue none */
  readonly bias?: Tensor;
  /** Factor of the product, not of the bias. @defaultValue 1 */
  readonly alpha?: number;
}

/**
 * Matrix product, batched over leading axes: `alpha · op(a)·op(b) + bias`. Accumulates in f32; f16 operands and results are storage only.
 *
 * @param a - [..., M, K], f32 or f16
 * @param b - [..., K, N] with the leading axes of a, or [K, N] for all of them; f32 or f16
 * @returns [..., M, N] in the dtype of a; differentiable in a, b and bias.
 * @throws ShapeError, DtypeError, DeviceError, ConfigError
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { matmul } from "@dilated/kernels";
 * using device = await openDevice();
 * const [q, k] = [1, 2].map((seed) => device.randomNormal([2, 4, 64, 16], { seed })); // [B, H, N, D]
 * const scores = matmul(q, k, { transposeB: true, alpha: 1 / Math.sqrt(16) }); // [B, H, N, N]
 * ```
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  checkOptions("matmul", options, ["transposeA", "transposeB", "bias", "alpha"]);
  return multiply("matmul", { a, b }, options);
}

/**
 * `x·Wᵀ + bias`: a dense layer, with the weight as PyTorch lays it out.
 *
 * @param x - [..., in]
 * @param weight - [out, in]
 * @param bias - [out]
 * @returns [..., out] in the dtype of x; differentiable in all three.
 * @throws ShapeError, DtypeError, DeviceError
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return multiply("linear", { x, weight }, { transposeB: true, ...(bias ? { bias } : {}) });
}

function multiply(caller: string, operands: Readonly<Record<string, Tensor>>, options: MatmulOptions): Tensor {
  const [a, b] = Object.values(operands) as [Tensor, Tensor];
  const { bias, alpha = 1 } = options;
  const named = { ...operands, bias };
  checkFloats(caller, named);
  checkNumber(caller, "alpha", alpha, "a finite number");
  const call = resolve(caller, a, b, options, describe(named));
  return apply(matmulOp, [a, b, bias], call)[0] as Tensor;
}

function resolve(caller: string, a: Tensor, b: Tensor, options: MatmulOptions, details: string[]): MatmulCall {
  const { transposeA = false, transposeB = false, bias, alpha = 1 } = options;
  const vector = caller === "linear" && a.rank === 1;
  const fail = (what: string, fix: string): never => {
    throw new ShapeError(`${caller}: ${what}`, {
      details: [...details, `transposeA: ${transposeA}, transposeB: ${transposeB}`],
      fix,
    });
  };
  const shapeA: Shape = vector ? [1, ...a.shape] : a.shape;
  if (shapeA.length < 2 || b.rank < 2)
    fail("both operands need two axes at least", "reshape vectors to [1, K] or [K, 1]");
  const [rowsA, colsA] = shapeA.slice(-2) as [number, number];
  const [rowsB, colsB] = b.shape.slice(-2) as [number, number];
  const [M, K] = transposeA ? [colsA, rowsA] : [rowsA, colsA];
  const [N, inner] = transposeB ? [rowsB, colsB] : [colsB, rowsB];
  if (K !== inner)
    fail(
      `inner sizes differ: ${K} and ${inner}`,
      caller === "linear" ? "weight must be [out, in] with in the last axis of x" : "transpose or reshape one of them",
    );
  if (K === 0) fail("inner size is 0", "pass operands with elements");
  const leading = shapeA.slice(0, -2);
  const sharedB = b.rank === 2;
  if (!sharedB && !sameShape(leading, b.shape.slice(0, -2)))
    fail("leading axes differ", `give both the leading axes ${formatShape(leading)}, or b none`);
  if (bias && !sameShape(bias.shape, [N])) fail(`bias must be [${N}]`, "give it one element a column of the result");
  const layers = sizeOf(leading);
  const flat = sharedB && !transposeA; // rows of all matrices of a are rows of one
  const [batch, m] = flat ? [1, layers * M] : [layers, M];
  const problem = { batch, m, n: N, k: K, transposeA, transposeB, strideA: M * K, strideB: sharedB ? 0 : K * N, alpha };
  const of = ({ shape, dtype }: Tensor) => ({ shape, dtype });
  return { problem, shape: vector ? [N] : [...leading, M, N], sharedB, a: of(a), b: of(b), bias: bias && of(bias) };
}
