import { type Shape, sizeOf, type Tensor } from "@dilated/core";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { max } from "./max.ts";
import type { Axis } from "./plan.ts";
import type { ReduceOptions } from "./reduce.options.ts";
import { maxGradient, maxReference, sumGradient, sumReference } from "./reduce.reference.ts";
import { mean, sum } from "./reduce.ts";

export type Reduction = "sum" | "mean" | "max";
const functions: Record<Reduction, (x: Tensor, options: ReduceOptions) => Tensor> = { sum, mean, max };
export const reductions: readonly Reduction[] = ["sum", "mean", "max"];

/** A reduction of one shape over all elements, or over `axis`, counted from 0. */
export function reduceCase(name: Reduction, shape: Shape, axis?: number): OpCase {
  const whole: Axis = { outer: 1, n: sizeOf(shape), inner: 1 };
  const seen =
    axis === undefined
      ? whole
      : { outer: sizeOf(shape.slice(0, axis)), n: shape[axis] ?? 0, inner: sizeOf(shape.slice(axis + 1)) };
  const scale = name === "mean" ? 1 / seen.n : 1;
  const maximum = name === "max";
  return {
    name: `${name} [${shape.join(", ")}] ${axis === undefined ? "all" : `axis ${axis}`}`,
    inputs: [shape],
    run: ([x]) => functions[name](x as Tensor, axis === undefined ? {} : { axis }),
    forward: ([x]) => (maximum ? maxReference(x as Float64Array, seen) : sumReference(x as Float64Array, seen, scale)),
    backward: ([x], dy) => [maximum ? maxGradient(x as Float64Array, seen, dy) : sumGradient(seen, scale, dy)],
  };
}

const shapes: readonly (readonly [Shape, number?])[] = [
  [[1]],
  [[]],
  [[7, 9]],
  [[100_003]], // three passes of WebAssembly, two on a GPU
  [[3, 5], 0],
  [[3, 5], 1],
  [[6, 768], 1],
  [[2, 1000, 3], 1],
  [[700, 36], 0],
  [[1027, 12], 0], // two passes, in groups of four
  [[3, 130, 8], 1],
  [[2, 1100, 6], 1], // not in groups of four
  [[70, 1030], 1],
  [[2, 150, 33], 1],
  [[4, 1, 6], 1],
];

export const reduceCases: readonly OpCase[] = [
  ...reductions.flatMap((name) => shapes.map(([shape, axis]) => reduceCase(name, shape, axis))),
  reduceCase("sum", [140_001]), // three passes of a GPU, too
];
