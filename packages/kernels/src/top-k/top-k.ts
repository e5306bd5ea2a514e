import {
  apply,
  checkCall,
  type Device,
  type DifferentiableOp,
  field,
  type Shape,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import type { Axis } from "../reduce/plan.ts";
import { resolveAxis } from "../reduce/reduce.options.ts";
import { type BlockWindow, forEachBlock } from "../shared/blocks.ts";
import { describe } from "../shared/check.ts";
import { stored } from "../shared/half.ts";
import { FLAT_LANES } from "../shared/launch.ts";
import { launch } from "../shared/run.ts";
import { putKernel, topKKernel } from "./kernels.ts";

/** What {@link topK} runs along. */
export interface TopKOptions {
  /** Axis of which k elements are kept; negative numbers count from the end. @defaultValue -1 */
  readonly axis?: number | undefined;
}

/** The largest elements and where they were, both of the shape of x with k in place of the axis. */
export interface TopK {
  /** The dtype of x; differentiable. */
  readonly values: Tensor;
  /** u32, along the axis. */
  readonly indices: Tensor;
}

const ARGUMENTS = {
  x: field.tensor(),
  k: field.positiveInteger(),
  options: field.options<TopKOptions>({ axis: field.optional(field.custom("an integer", Number.isInteger)) }),
};

/** Lanes that share a line, a power of two. */
const LANES = 256;
/** WebAssembly: numbers of one work item; PUT_ITEM of assembly/top-k.ts. */
const PUT_ITEM = 1024;

interface Problem {
  readonly axis: Axis;
  readonly k: number;
  readonly from: Shape;
  readonly to: Shape;
}

/** Lines that fit a binding, with what lies in them. */
function forEachLines(
  device: Device,
  { axis: { outer, n, inner }, k }: Problem,
  long: Tensor,
  short: readonly Tensor[],
  work: (count: number, long: ReturnType<BlockWindow["of"]>, short: readonly ReturnType<BlockWindow["of"]>[]) => void,
): void {
  const cut = [[long, n * inner] as const, ...short.map((tensor) => [tensor, k * inner] as const)];
  forEachBlock("topK", device, outer, cut, ({ count, of }) => {
    work(
      count,
      of(long, n * inner),
      short.map((tensor) => of(tensor, k * inner)),
    );
  });
}

const topKOp: DifferentiableOp<Problem> = {
  name: "topK",
  forward: ([x], problem) => {
    if (!x) return { outputs: [], saved: [] };
    const { device } = x;
    const { n, inner } = problem.axis;
    const y = device.empty(problem.to, { label: "topK" });
    const at = device.empty(problem.to, { dtype: "u32", label: "topK" });
    forEachLines(device, problem, x, [y, at], (count, lines, [values, places]) => {
      launch(device, topKKernel, {
        tensors: { x: lines, y: values, at: places },
        scalars: { n, k: problem.k, inner },
        constants: { LANES },
        groups: count * inner,
        items: count * inner,
        flops: count * inner * n * problem.k,
      });
    });
    return { outputs: [stored(y, x.dtype), at], saved: [at] };
  },
  backward: ({ saved: [at], grads: [dy], options: problem }) => {
    if (!at || !dy) return [];
    const { device } = dy;
    const { n, inner } = problem.axis;
    return device.scope(() => {
      const dx = device.zeros(problem.from, { label: "grad" });
      forEachLines(device, problem, dx, [dy, at], (lines, target, [grads, places]) => {
        const count = lines * problem.k * inner;
        launch(device, putKernel, {
          tensors: { dy: grads, at: places, dx: target },
          scalars: { n, k: problem.k, inner, count },
          constants: { LANES: FLAT_LANES },
          groups: Math.ceil(count / FLAT_LANES),
          items: Math.ceil(count / PUT_ITEM),
        });
      });
      return [stored(dx, dy.dtype)];
    });
  },
};

/**
 * The k largest elements along an axis, largest first, and where they were. Of equal ones the first comes first; NaN is
 * larger than all. Meant for a small k (sampling, routing): on a GPU the work grows with k times the length of the
 * axis.
 *
 * @param x - f32 or f16
 * @param k - from 1 to the length of the axis
 * @throws ShapeError where the axis has fewer than k elements; ConfigError for an unknown option or axis; DtypeError
 * unless x is f32 or f16; LimitError for lines that do not fit a binding.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { topK } from "@dilated/kernels";
 * const device = await openDevice();
 * const { values, indices } = topK(device.tensor([3, 1, 2, 4, 6, 5], [2, 3]), 2); // 3 2, 6 5; 0 2, 1 2
 * device.dispose();
 * ```
 */
export function topK(x: Tensor, k: number, options: TopKOptions = {}): TopK {
  checkCall("topK", ARGUMENTS, arguments);
  const { axis } = resolveAxis("topK", x, { axis: options.axis ?? -1 }, "any");
  if (k > axis.n) {
    throw new ShapeError(`topK: ${k} of the ${axis.n} elements along the axis`, {
      details: describe({ x }),
      fix: `pass a k up to ${axis.n}`,
    });
  }
  const at = options.axis === undefined ? x.rank - 1 : (options.axis + x.rank) % x.rank;
  const to = x.shape.map((length, i) => (i === at ? k : length));
  const [values, indices] = apply(topKOp, [x], { axis, k, from: x.shape, to });
  return { values: values as Tensor, indices: indices as Tensor };
}
