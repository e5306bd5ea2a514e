import { apply, checkCall, type DifferentiableOp, meanOver, type Shape, type Tensor } from "@dilated/core";
import { sumAxis } from "./fold.ts";
import type { Axis } from "./plan.ts";
import { REDUCTION, type ReduceOptions, resolveAxis } from "./reduce.options.ts";
import { spread } from "./spread.ts";

interface SumCall {
  readonly name: string;
  readonly axis: Axis;
  readonly from: Shape;
  readonly to: Shape;
  readonly scale: number;
}

const sumOp: DifferentiableOp<SumCall> = {
  name: "sum",
  forward: ([x], { name, axis, to, scale }) => ({
    outputs: x ? [sumAxis(x, axis, { scale, shape: to, dtype: x.dtype, label: name })] : [],
    saved: [],
  }),
  backward: ({ grads: [dy], options: { axis, from, scale } }) => [dy && spread(dy, axis, from, scale)],
};

/**
 * Sum of all elements, or along one axis, which is removed from the shape. Added up in f32 by a fixed tree: the same bits whatever the number
 * of threads. The result has the dtype of x; an f16 sum above 65504 overflows, so cast long f16 tensors first.
 *
 * @param x - f32 or f16, any shape
 * @returns shape of x without `axis`; `[]` without the option
 * @throws ConfigError for an unknown option or axis; DtypeError unless x is f32 or f16.
 */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkCall("sum", REDUCTION, arguments);
  const { axis, shape } = resolveAxis("sum", x, options, "any");
  return apply(sumOp, [x], { name: "sum", axis, from: x.shape, to: shape, scale: 1 })[0] as Tensor;
}

/**
 * Mean of all elements, or along one axis; like {@link sum}, and it does not overflow in f16.
 *
 * @throws ShapeError when there is nothing to take the mean of; else as {@link sum}.
 */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkCall("mean", REDUCTION, arguments);
  const { axis, shape } = resolveAxis("mean", x, options, "nonempty");
  const result = apply(sumOp, [x], { name: "mean", axis, from: x.shape, to: shape, scale: 1 / axis.n })[0] as Tensor;
  return result.size === 1 ? meanOver(result, axis.n) : result;
}
