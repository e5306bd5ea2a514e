import { type Shape, sizeOf, type Tensor } from "@dilated/core";
import type { OpCase, Values } from "../shared/test-utils/op-case.ts";
import { concat } from "./concat.ts";
import { permute } from "./permute.ts";
import { concatPlaces, permutePlaces, slicePlaces } from "./shape.reference.ts";
import { slice } from "./slice.ts";

/** What only moves elements: element i of the result is element `places[i]` of the input. */
function moveCase(name: string, shape: Shape, places: readonly number[], run: (x: Tensor) => Tensor): OpCase {
  return {
    name,
    inputs: [shape],
    run: ([x]) => run(x as Tensor),
    forward: ([x]) => Float64Array.from(places, (at) => x?.[at] ?? Number.NaN),
    backward: (_, dy) => {
      const dx = new Float64Array(sizeOf(shape));
      for (const [i, at] of places.entries()) dx[at] = dy[i] ?? Number.NaN;
      return [dx];
    },
  };
}

export function sliceCase(shape: Shape, axis: number, begin: number, end: number): OpCase {
  return moveCase(
    `slice [${shape.join(", ")}] axis ${axis} [${begin}, ${end})`,
    shape,
    slicePlaces(shape, axis, begin, end),
    (x) => slice(x, { axis, begin, end }),
  );
}

export function permuteCase(shape: Shape, axes: readonly number[]): OpCase {
  return moveCase(`permute [${shape.join(", ")}] to ${axes.join(" ")}`, shape, permutePlaces(shape, axes), (x) =>
    permute(x, axes),
  );
}

export function concatCase(shapes: readonly Shape[], axis: number): OpCase {
  const places = concatPlaces(shapes, axis);
  return {
    name: `concat ${shapes.map((shape) => `[${shape.join(", ")}]`).join(" ")} axis ${axis}`,
    inputs: shapes,
    run: (tensors) => concat(tensors as readonly Tensor[], { axis }),
    forward: (inputs) => Float64Array.from(places, ([which, at]) => inputs[which]?.[at] ?? Number.NaN),
    backward: (_, dy) => {
      const grads: Values[] = shapes.map((shape) => new Float64Array(sizeOf(shape)));
      for (const [i, [which, at]] of places.entries()) (grads[which] as Values)[at] = dy[i] ?? Number.NaN;
      return grads;
    },
  };
}

export const shapeCases: readonly OpCase[] = [
  sliceCase([10], 0, 3, 8),
  sliceCase([5, 12], 0, 1, 4), // in groups of four
  sliceCase([5, 12], 1, 4, 12),
  sliceCase([3, 7, 5], 1, 2, 3),
  sliceCase([2, 6, 4], 1, 0, 6),
  permuteCase([7, 9], [1, 0]),
  permuteCase([2, 5, 3, 8], [0, 2, 1, 3]), // heads in front of tokens
  permuteCase([3, 4, 5], [2, 0, 1]),
  permuteCase([1, 6, 1], [2, 1, 0]),
  permuteCase([2, 3, 2, 3, 2, 3], [5, 4, 3, 2, 1, 0]),
  permuteCase([130, 70], [1, 0]),
  concatCase([[3], [1], [4]], 0),
  concatCase(
    [
      [2, 3],
      [2, 5],
    ],
    1,
  ),
  concatCase(
    [
      [3, 4, 8],
      [3, 2, 8],
    ],
    1,
  ),
  concatCase(
    [
      [2, 3],
      [4, 3],
      [1, 3],
    ],
    0,
  ),
  concatCase(
    [
      [2, 2, 1],
      [2, 2, 2],
    ],
    2,
  ),
];
