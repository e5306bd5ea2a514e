import { apply, checkCall, field, formatShape, type Maybe, ShapeError, sameShape, type Tensor } from "@dilated/core";
import { add } from "../elementwise/binary.ts";
import { unary } from "../elementwise/unary.ts";
import { checkFloats, checkSameDtype, describe, ONE_TENSOR } from "../shared/check.ts";
import { fusesEpilogue } from "./launch.ts";
import { type MatmulCall, matmulOp } from "./op.ts";
import type { LinearActivation } from "./problem.ts";
import { resolveProduct } from "./resolve.ts";

/** How a dense layer ends; options of {@link linear}. */
export interface LinearOptions {
  /** Applied to `x·Wᵀ + bias`; `gelu` is the exact one. @defaultValue none */
  readonly activation?: LinearActivation | undefined;
  /** [..., out] in the dtype of x, added last; differentiable. @defaultValue none */
  readonly residual?: Tensor | undefined;
}

const options = field.options<LinearOptions>({
  activation: field.optional(field.oneOf(["relu", "silu", "gelu"])),
  residual: field.optional(field.tensor()),
});
const ARGUMENTS = { ...ONE_TENSOR, weight: field.tensor(), bias: field.optional(field.tensor()), options };

/**
 * `activation(x·Wᵀ + bias) + residual`: a dense layer, with the weight as PyTorch lays it out. On matrix units all of it is one kernel, which rounds once;
 * elsewhere it is made from `relu`, `silu`, `gelu` and `add`. Gradients of an activation need what it was given, so a call whose gradient is wanted
 * holds one more [..., out] until then (not for `relu` alone).
 *
 * @param x - [..., in]
 * @param weight - [out, in]
 * @param bias - [out]
 * @returns [..., out] in the dtype of x; differentiable in all four.
 * @throws ShapeError, DtypeError, DeviceError, ConfigError
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { linear } from "@dilated/kernels";
 * const device = await openDevice();
 * const [x, up, down] = [[32, 8], [16, 8], [8, 16]].map((shape, seed) => device.randomNormal(shape, { seed }));
 * const y = linear(linear(x, up, undefined, { activation: "gelu" }), down, undefined, { residual: x }); // [32, 8]
 * device.dispose();
 * ```
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: LinearOptions = {}): Tensor {
  checkCall("linear", ARGUMENTS, arguments);
  const call = resolveProduct("linear", { x, weight }, { transposeB: true, ...(bias ? { bias } : {}) });
  const { activation, residual } = options;
  if (residual !== undefined) checkResidual(x, residual, call);
  if (activation === undefined && residual === undefined) return product(call, [x, weight, bias]);
  if (fusesEpilogue(call, { a: x, b: weight, bias, residual })) {
    const keep = [x, weight, bias].some((tensor) => tensor && x.device.tape?.tracks(tensor.id));
    return product({ ...call, activation, keep }, [x, weight, bias, residual]);
  }
  return x.device.scope(() => {
    const before = product(call, [x, weight, bias]);
    const after = activation ? unary("linear", before, activation) : before;
    return residual ? add(after, residual) : after;
  });
}

function product(call: MatmulCall, operands: readonly Maybe<Tensor>[]): Tensor {
  return apply(matmulOp, operands, call)[0] as Tensor;
}

function checkResidual(x: Tensor, residual: Tensor, { shape }: MatmulCall): void {
  checkFloats("linear", { x, residual });
  checkSameDtype("linear", { x, residual });
  if (sameShape(residual.shape, shape)) return;
  throw new ShapeError(`linear: residual must be ${formatShape(shape)}, the shape of the result`, {
    details: describe({ x, residual }),
    fix: "reshape() it, or add() what is to be repeated",
  });
}
