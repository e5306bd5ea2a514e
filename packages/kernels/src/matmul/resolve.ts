import { formatShape, type Shape, ShapeError, sameShape, sizeOf, type Tensor } from "@dilated/core";
import { checkFloats, checkNumber, describe } from "../shared/check.ts";
import type { MatmulCall } from "./op.ts";

/** What decides a product, besides its operands. */
export interface ProductOptions {
  readonly transposeA?: boolean | undefined;
  readonly transposeB?: boolean | undefined;
  readonly bias?: Tensor | undefined;
  readonly alpha?: number | undefined;
}

/**
 * Checks the operands, two by name, and says what is to be done.
 *
 * @throws ShapeError, DtypeError, DeviceError, ConfigError
 */
export function resolveProduct(
  caller: string,
  operands: Readonly<Record<string, Tensor>>,
  options: ProductOptions,
): MatmulCall {
  const [a, b] = Object.values(operands) as [Tensor, Tensor];
  const { bias, alpha = 1 } = options;
  const named = { ...operands, bias };
  checkFloats(caller, named);
  checkNumber(caller, "alpha", alpha, "a finite number");
  return resolve(caller, a, b, options, describe(named));
}

function resolve(caller: string, a: Tensor, b: Tensor, options: ProductOptions, details: string[]): MatmulCall {
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
