import { apply, checkCall, field, type Tensor } from "@dilated/core";
import { matmulOp } from "./op.ts";
import { resolveProduct } from "./resolve.ts";

/** Options of {@link matmul}. */
export interface MatmulOptions {
  /** a lies as [..., K, M]. @defaultValue false */
  readonly transposeA?: boolean | undefined;
  /** b lies as [..., N, K]. @defaultValue false */
  readonly transposeB?: boolean | undefined;
  /** [N], added to every row of the result; differentiable. @defaultValue none */
  readonly bias?: Tensor | undefined;
  /** Factor of the product, not of the bias. @defaultValue 1 */
  readonly alpha?: number | undefined;
}

const options = field.options<MatmulOptions>({
  transposeA: field.optional(field.boolean()),
  transposeB: field.optional(field.boolean()),
  bias: field.optional(field.tensor()),
  alpha: field.optional(field.number()),
});
const ARGUMENTS = { a: field.tensor(), b: field.tensor(), options };

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
 * const device = await openDevice();
 * const [q, k] = [1, 2].map((seed) => device.randomNormal([2, 4, 64, 16], { seed })); // [B, H, N, D]
 * const scores = matmul(q, k, { transposeB: true, alpha: 1 / Math.sqrt(16) }); // [B, H, N, N]
 * device.dispose();
 * ```
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  checkCall("matmul", ARGUMENTS, arguments);
  return apply(matmulOp, [a, b, options.bias], resolveProduct("matmul", { a, b }, options))[0] as Tensor;
}
