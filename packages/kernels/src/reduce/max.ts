import {
  apply,
  checkCall,
  type DifferentiableOp,
  defineKernel,
  type KernelDefinition,
  reshape,
  type Shape,
  type Tensor,
} from "@dilated/core";
import { FLAT_LANES } from "../shared/launch.ts";
import { settle } from "../shared/rows.ts";
import { launch } from "../shared/run.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./fold-max.wgsl";
import { foldsWhole, inHalves, resultsOf } from "./halves.ts";
import { type Axis, planFold } from "./plan.ts";
import { REDUCTION, type ReduceOptions, resolveAxis } from "./reduce.options.ts";
import { spread } from "./spread.ts";

/** y[o, m] = max_k x[o, k·span + m], and where it was. */
export const foldMaxKernel: KernelDefinition<
  "x" | "from" | "y" | "at",
  "length" | "span" | "count" | "inner" | "into" | "first"
> = defineKernel({
  name: "fold_max",
  tensors: {
    x: { access: "read", view: "scalar" },
    from: { access: "read", view: "scalar", optional: true, dtype: "u32" },
    y: { access: "write", view: "scalar" },
    at: { access: "write", view: "scalar", dtype: "u32" },
  },
  scalars: { length: "u32", span: "u32", count: "u32", inner: "u32", into: "u32", first: "u32" },
  wgsl: { source },
  wasm: { module: kernelsModule, entry: "foldMaxF32" },
});

interface MaxOptions {
  readonly axis: Axis;
  readonly from: Shape;
  readonly to: Shape;
}

const maxOp: DifferentiableOp<MaxOptions> = {
  name: "max",
  forward: ([x], options) => {
    if (!x) return { outputs: [], saved: [] };
    const { y, at } = maxAxis(x, options.axis, options.to);
    return { outputs: [y, at], saved: [at] }; // `at` is an output so that max() can free it; the tape has a handle of its own
  },
  backward: ({ saved: [at], grads: [dy], options: { axis, from } }) => [dy && spread(dy, axis, from, 1, at)],
};

/** Maximum over one axis and its first position, u32 of the same shape, in passes. */
export function maxAxis(x: Tensor, axis: Axis, shape: Shape): { y: Tensor; at: Tensor } {
  const { device } = x;
  if (!foldsWhole(device, axis)) return maxHalves(x, axis, shape);
  let current = x;
  let from: Tensor | undefined;
  for (let n = axis.n; ; ) {
    const { parts, launches } = planFold("max", device, { ...axis, n }, [current, from]);
    const done = parts <= 1; // 0 where there is nothing beside the axis
    const partial = [axis.outer * parts * axis.inner];
    const y = device.empty(done ? shape : partial, { label: done ? "max" : "partial maxima" });
    const at = device.empty(done ? shape : partial, { dtype: "u32", label: "position of max" });
    for (const { of, scalars, first, items } of launches) {
      const { y: target, into } = resultsOf(y, scalars.into, scalars.count);
      launch(device, foldMaxKernel, {
        tensors: { x: of(current), from: of(from), y: target, at: resultsOf(at, scalars.into, scalars.count).y },
        scalars: { ...scalars, into, first },
        constants: { LANES: FLAT_LANES },
        groups: Math.ceil(scalars.count / FLAT_LANES),
        items,
      });
    }
    if (current !== x) current.dispose();
    from?.dispose();
    if (done) return { y: settle(y, x.dtype), at };
    [current, from, n] = [y, at, parts];
  }
}

function maxHalves(x: Tensor, axis: Axis, shape: Shape): { y: Tensor; at: Tensor } {
  return x.device.scope(() => {
    const { y, at } = inHalves(axis, [[x, [axis.outer, axis.n, axis.inner]]], 1, (part, [half]) =>
      maxAxis(half as Tensor, part, [part.outer, part.inner]),
    );
    return { y: reshape(y, shape), at: reshape(at, shape) };
  });
}

/**
 * Largest element, of all or along one axis, which is removed from the shape. The gradient goes to the first maximum.
 *
 * @param x - f32 or f16, not empty
 * @returns shape of x without `axis`; `[]` without the option
 * @throws ConfigError for an unknown option or axis; ShapeError when there is nothing to take the maximum of; DtypeError unless x is f32 or f16.
 */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkCall("max", REDUCTION, arguments);
  const { axis, shape } = resolveAxis("max", x, options, "nonempty");
  const [y, at] = apply(maxOp, [x], { axis, from: x.shape, to: shape });
  at?.dispose();
  return y as Tensor;
}
