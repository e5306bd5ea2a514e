import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { ShapeError } from "../errors/index.ts";
import { formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { apply } from "./apply.ts";
import type { DifferentiableOp } from "./op.ts";

const ONE = { x: field.tensor() };
const RESHAPE = { ...ONE, shape: field.shape() };

const reshapeOp: DifferentiableOp<{ from: Shape; to: Shape }> = {
  name: "reshape",
  forward: ([x], { to }) => ({ outputs: x ? [view(x, to)] : [], saved: [] }),
  backward: ({ grads: [grad], options }) => [grad && view(grad, options.from)],
};

/**
 * The same elements under another shape; shares memory. One axis may be -1.
 *
 * @throws ShapeError when the sizes differ.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkCall("reshape", RESHAPE, arguments);
  const known = shape.filter((axis) => axis !== -1);
  const to = shape.map((axis) => (axis === -1 ? x.size / sizeOf(known) : axis));
  if (shape.length - known.length > 1 || sizeOf(to) !== x.size || !to.every(Number.isSafeInteger)) {
    throw new ShapeError(`reshape: ${formatShape(x.shape)} does not fit ${formatShape(shape)}`, {
      details: [
        `${x.size} elements against ${sizeOf(known)}${known.length < shape.length ? " times the open axis" : ""}`,
      ],
      fix: "keep the number of elements; at most one axis may be -1",
    });
  }
  return apply(reshapeOp, [x], { from: x.shape, to })[0] as Tensor;
}

/** The same value, through which no gradient flows. Shares memory. */
export function stopGradient(x: Tensor): Tensor {
  checkCall("stopGradient", ONE, arguments);
  return view(x, x.shape);
}

function view(x: Tensor, shape: Shape): Tensor {
  return x.device.adopt({ storage: x.storage.retain(), shape, dtype: x.dtype, label: x.label });
}
