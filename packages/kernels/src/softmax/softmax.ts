import { apply, checkCall, type DifferentiableOp, type Tensor } from "@dilated/core";
import { div, mul, sub } from "../elementwise/binary.ts";
import { exp } from "../elementwise/exp.ts";
import { max } from "../reduce/max.ts";
import { sum } from "../reduce/reduce.ts";
import { checkFloats, ONE_TENSOR } from "../shared/check.ts";
import { byRows, rowsFit } from "../shared/long-rows.ts";
import { defineRowKernel, type RowKernel, runRows } from "../shared/row-kernel.ts";
import { rowsOf, rowTarget, settle } from "../shared/rows.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./softmax.wgsl";
import backwardSource from "./softmax-backward.wgsl";

/** y = e^(x - max) / Σ e^(x - max). */
export const softmaxKernel: RowKernel<"x" | "y", "width"> = defineRowKernel({
  name: "softmax",
  tensors: { x: { access: "read", view: "vec4" }, y: { access: "write", view: "vec4" } },
  scalars: { width: "u32" },
  wgsl: { source },
  wasm: { module: kernelsModule, entry: "softmaxF32" },
});

/** dx = y·(dy - Σ y·dy). */
export const softmaxBackwardKernel: RowKernel<"y" | "dy" | "dx", "width"> = defineRowKernel({
  name: "softmax_backward",
  tensors: {
    y: { access: "read", view: "vec4" },
    dy: { access: "read", view: "vec4" },
    dx: { access: "write", view: "vec4" },
  },
  scalars: { width: "u32" },
  wgsl: { source: backwardSource },
  wasm: { module: kernelsModule, entry: "softmaxBackwardF32" },
});

const softmaxOp: DifferentiableOp<undefined> = {
  name: "softmax",
  forward: ([x]) => {
    if (!x) return { outputs: [], saved: [] };
    const size = rowsOf("softmax", x);
    if (!rowsFit(x, size)) {
      const y = byRows([x], size, ([row]) => longSoftmax(row as Tensor));
      return { outputs: [y], saved: [y] };
    }
    const target = rowTarget(x, "softmax");
    runRows(x.device, softmaxKernel, size, { rows: { x, y: target }, scalars: { width: size.width } });
    const y = settle(target, x.dtype);
    return { outputs: [y], saved: [y] };
  },
  backward: ({ saved: [y], grads: [dy] }) => {
    if (!y || !dy) return [];
    const size = rowsOf("softmax", y);
    if (!rowsFit(y, size)) return [byRows([y, dy], size, ([row, pull]) => longGradient(row as Tensor, pull as Tensor))];
    const dx = rowTarget(y, "grad");
    runRows(y.device, softmaxBackwardKernel, size, { rows: { y, dy, dx }, scalars: { width: size.width } });
    return [settle(dx, y.dtype)];
  },
};

/** Of a row that is longer than a binding. */
function longSoftmax(row: Tensor): Tensor {
  const powers = exp(sub(row, max(row)));
  return div(powers, sum(powers));
}

function longGradient(y: Tensor, dy: Tensor): Tensor {
  return mul(y, sub(dy, sum(mul(y, dy))));
}

/**
 * Softmax over the last axis, stable for any finite x.
 *
 * @param x - [..., E], f32 or f16
 * @returns shape and dtype of x; every row sums to 1
 * @throws ShapeError for a scalar or an empty last axis; DtypeError unless x is f32 or f16.
 */
export function softmax(x: Tensor): Tensor {
  checkCall("softmax", ONE_TENSOR, arguments);
  checkFloats("softmax", { x });
  rowsOf("softmax", x);
  return apply(softmaxOp, [x], undefined)[0] as Tensor;
}
