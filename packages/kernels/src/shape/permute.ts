import { ConfigError, checkCall, type DifferentiableOp, field, ShapeError, type Tensor } from "@dilated/core";
import { describe, ONE_TENSOR } from "../shared/check.ts";
import { assemble, stridesOf } from "./move.ts";
import { differentiable } from "./slice.ts";

const ARGUMENTS = { ...ONE_TENSOR, axes: field.list(field.custom("an integer", Number.isInteger)) };

function reorder(x: Tensor, order: readonly number[], label: string): Tensor {
  const strides = stridesOf(x.shape);
  const shape = order.map((axis) => x.shape[axis] as number);
  const axes = stridesOf(shape).map((to, i) => ({
    n: shape[i] as number,
    from: strides[order[i] as number] as number,
    to,
  }));
  return assemble({ device: x.device, dtype: x.dtype, shape, label, moves: [{ x, axes }] });
}

const permuteOp: DifferentiableOp<readonly number[]> = {
  name: "permute",
  forward: ([x], order) => ({ outputs: x ? [reorder(x, order, "permute")] : [], saved: [] }),
  backward: ({ grads: [dy], options: order }) => [
    dy &&
      reorder(
        dy,
        order.map((_, axis) => order.indexOf(axis)),
        "grad",
      ),
  ],
};

/**
 * The axes in another order; a copy, contiguous as every tensor.
 *
 * @param x - any dtype
 * @param axes - which axis of x becomes axis 0, 1, ... of the result; negative numbers count from the end
 * @returns differentiable where x is f32 or f16
 * @throws ConfigError unless each axis of x stands there once; LimitError for more than six axes of which no two stay
 * side by side.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { permute } from "@dilated/kernels";
 * const device = await openDevice();
 * const x = device.randomNormal([2, 96, 4, 16], { seed: 1 }); // [B, N, H, D]
 * const byHead = permute(x, [0, 2, 1, 3]); // [B, H, N, D]
 * device.dispose();
 * ```
 */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  checkCall("permute", ARGUMENTS, arguments);
  const order = Array.from(axes, (axis) => (axis < 0 ? axis + x.rank : axis));
  if (order.length !== x.rank || !x.shape.every((_, axis) => order.includes(axis))) {
    throw new ConfigError("permute: axes must hold each axis of x once", {
      details: [`axes: [${axes.join(", ")}]`, ...describe({ x })],
      fix: `pass an order of ${x.shape.map((_, axis) => axis).join(", ")}`,
    });
  }
  return differentiable(permuteOp, x, order);
}

/**
 * The last two axes exchanged; {@link permute} has other orders.
 *
 * @param x - [..., M, N], any dtype
 * @returns [..., N, M]; differentiable where x is f32 or f16
 * @throws ShapeError for fewer than two axes.
 */
export function transpose(x: Tensor): Tensor {
  checkCall("transpose", ONE_TENSOR, arguments);
  if (x.rank < 2) {
    throw new ShapeError("transpose: x needs two axes", { details: describe({ x }), fix: "reshape it to [M, N]" });
  }
  const order = x.shape.map((_, axis) => axis);
  return differentiable(permuteOp, x, [...order.slice(0, -2), x.rank - 1, x.rank - 2]);
}
