import { BYTES, type Device, type Tensor, type TensorArgument } from "@dilated/core";
import { fitsBinding } from "../shared/blocks.ts";
import { putRuns, takeRuns } from "../shared/parts.ts";
import type { Axis } from "./plan.ts";

/**
 * Rows of one long axis that have to fit a binding: each window folds into a row at least, so fewer would win little.
 */
const MANY = 8;

/** Whether what has to be folded at once, and its result, fit a binding; else see {@link inHalves}. */
export function foldsWhole({ info, limits }: Device, { outer, n, inner }: Axis): boolean {
  const fit = (elements: number) => elements * BYTES.f32 <= limits.maxBindingBytes;
  // WebAssembly binds nothing, and takes whole what cannot be cut.
  return outer > 1 ? info.backend === "wasm" || fit(n * inner) : fit(Math.min(n, MANY) * inner) || inner < MANY;
}

/** A tensor with the axes that it has of [outer, n, inner]: 1 in place of those that it lacks. */
export type Sized = readonly [tensor: Tensor | undefined, axes: readonly [outer: number, n: number, inner: number]];

/**
 * Does to the halves of an axis that is kept what is too long to be done at once, and puts the results together.
 *
 * @param length - of the results along n
 * @param work - gives results of [outer, length, inner] for a part of both
 */
export function inHalves<K extends string>(
  { outer, n, inner }: Axis,
  tensors: readonly Sized[],
  length: number,
  work: (axis: Axis, tensors: readonly (Tensor | undefined)[]) => Record<K, Tensor>,
): Record<K, Tensor> {
  const axis = outer > 1 ? 0 : 2;
  const total = outer > 1 ? outer : inner;
  // In groups of four, so that what could be done by fours still can be.
  const half = total > 8 ? Math.ceil(total / 8) * 4 : Math.ceil(total / 2);
  const partOf = ([lead, rows]: Sized[1], begin: number, count: number) => ({
    lead: axis === 0 ? 1 : lead * rows,
    total,
    begin,
    count,
  });
  const results = new Map<string, Tensor>();
  for (const [begin, count] of [
    [0, half],
    [half, total - half],
  ] as const) {
    const part = axis === 0 ? { outer: count, n, inner } : { outer, n, inner: count };
    const taken = tensors.map(([tensor, shape]) =>
      tensor && shape[axis] === total ? takeRuns(tensor, partOf(shape, begin, count)) : tensor,
    );
    for (const [name, made] of Object.entries<Tensor>(work(part, taken))) {
      const { device, dtype, label } = made;
      const result = results.get(name) ?? device.empty([outer * length * inner], { dtype, label });
      results.set(name, result);
      putRuns(made, result, partOf([outer, length, inner], begin, count));
    }
  }
  return Object.fromEntries(results) as Record<K, Tensor>;
}

/** Where the results of a launch go: a window of their own where all are longer than a binding. */
export function resultsOf(
  y: Tensor,
  into: number,
  count: number,
): { readonly y: TensorArgument; readonly into: number } {
  return fitsBinding(y.device, y) ? { y, into } : { y: { tensor: y, offset: into, length: count }, into: 0 };
}
