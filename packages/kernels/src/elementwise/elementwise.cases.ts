import type { Shape, Tensor } from "@dilated/core";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { binaryGradient, binaryReference, type Operation } from "./binary.reference.ts";
import { add, div, mul, sub } from "./binary.ts";

const functions: Record<Operation, (a: Tensor, b: Tensor) => Tensor> = { add, sub, mul, div };

/** a op b, b of shape `b`, a suffix of `a`. */
export function binaryCase(operation: Operation, a: Shape, b: Shape): OpCase {
  return {
    name: `${operation} [${a.join(", ")}] [${b.join(", ")}]`,
    inputs: [a, b],
    // Nothing is divided by what is almost 0.
    domain: (x, input) => (operation === "div" && input === 1 ? x + Math.sign(x) / 4 : x),
    run: ([x, y]) => functions[operation](x as Tensor, y as Tensor),
    forward: ([x, y]) => binaryReference(operation, x as Float64Array, y as Float64Array),
    backward: ([x, y], dy) => binaryGradient(operation, x as Float64Array, y as Float64Array, dy),
  };
}

export const operations: readonly Operation[] = ["add", "sub", "mul", "div"];

const shapes: readonly (readonly [Shape, Shape])[] = [
  [[7], [7]],
  [[1], [1]],
  [[1, 5], [5]], // same size, other rank
  [
    [3, 5, 8],
    [5, 8],
  ],
  [[300, 12], [12]], // summed over more rows than one part of a fold holds
  [[11, 3, 7], [7]], // rows that start inside a group of four
  [[131, 5], [5]],
  [[2, 3], []], // a scalar
];

export const elementwiseCases: readonly OpCase[] = operations.flatMap((operation) =>
  shapes.map(([a, b]) => binaryCase(operation, a, b)),
);
