import {
  apply,
  BYTES,
  checkCall,
  type Device,
  type DifferentiableOp,
  field,
  reshape,
  type Shape,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import { inHalves } from "../reduce/halves.ts";
import type { Axis } from "../reduce/plan.ts";
import { resolveAxis } from "../reduce/reduce.options.ts";
import { type BlockWindow, fitsBinding, forEachBlock } from "../shared/blocks.ts";
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

interface Sizes {
  readonly axis: Axis;
  readonly k: number;
}

interface Problem extends Sizes {
  readonly from: Shape;
  readonly to: Shape;
}

/** Lines that fit a binding, with what lies in them. */
function forEachLines(
  device: Device,
  { axis: { outer, n, inner }, k }: Sizes,
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

/** Values and places, of [outer, k, inner]. */
function choose(x: Tensor, problem: Sizes): { values: Tensor; places: Tensor } {
  const { device } = x;
  const { axis, k } = problem;
  const { outer, n, inner } = axis;
  const whole = [outer, n, inner] as const;
  if (!linesFit(device, axis)) {
    return inHalves(axis, [[x, whole]], k, (part, [half]) => choose(half as Tensor, { axis: part, k }));
  }
  const values = device.empty([outer * k * inner], { label: "topK" });
  const places = device.empty([outer * k * inner], { dtype: "u32", label: "topK" });
  forEachLines(device, problem, x, [values, places], (count, lines, [y, at]) => {
    launch(device, topKKernel, {
      tensors: { x: lines, y, at },
      scalars: { n, k, inner },
      constants: { LANES },
      groups: count * inner,
      items: count * inner,
      flops: count * inner * n * k,
    });
  });
  return { values, places };
}

/** [outer, n, inner]: `values` [outer, k, inner] in their places, among zeros. */
function put(values: Tensor, places: Tensor, problem: Sizes): { dx: Tensor } {
  const { device } = values;
  const { axis, k } = problem;
  const { outer, n, inner } = axis;
  const kept = [outer, k, inner] as const;
  if (!linesFit(device, axis)) {
    return inHalves(
      axis,
      [
        [values, kept],
        [places, kept],
      ],
      n,
      (part, [half, at]) => put(half as Tensor, at as Tensor, { axis: part, k }),
    );
  }
  const dx = device.zeros([outer * n * inner], { label: "grad" });
  forEachLines(device, problem, dx, [values, places], (lines, target, [dy, at]) => {
    const count = lines * k * inner;
    launch(device, putKernel, {
      tensors: { dy, at, dx: target },
      scalars: { n, k, inner, count },
      constants: { LANES: FLAT_LANES },
      groups: Math.ceil(count / FLAT_LANES),
      items: Math.ceil(count / PUT_ITEM),
    });
  });
  return { dx };
}

/** Whether the lines that lie among one another fit a binding; a line alone has to. */
function linesFit(device: Device, { n, inner }: Axis): boolean {
  return inner === 1 || fitsBinding(device, { byteLength: n * inner * BYTES.f32 });
}

const topKOp: DifferentiableOp<Problem> = {
  name: "topK",
  forward: ([x], problem) => {
    if (!x) return { outputs: [], saved: [] };
    const { values, places } = x.device.scope(() => choose(x, problem));
    const y = stored(reshape(values, problem.to), x.dtype);
    const at = reshape(places, problem.to);
    return { outputs: [y, at], saved: [at] };
  },
  backward: ({ saved: [at], grads: [dy], options: problem }) => {
    if (!at || !dy) return [];
    return dy.device.scope(() => [stored(reshape(put(dy, at, problem).dx, problem.from), dy.dtype)]);
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
 * unless x is f32 or f16; LimitError for a line that does not fit a binding.
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
