import type { Shape } from "@dilated/core";

/** Element i of the result is element `places(...)[i]` of the input, for each of the ops that only move elements. */

function strides(shape: Shape): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, n) => product * n, 1));
}

/** Every place of a shape, in row-major order. */
function* placesOf(shape: Shape): Generator<readonly number[]> {
  const size = shape.reduce((product, n) => product * n, 1);
  const steps = strides(shape);
  for (let i = 0; i < size; i++) yield shape.map((n, axis) => Math.floor(i / (steps[axis] ?? 1)) % n);
}

function offset(place: readonly number[], shape: Shape): number {
  return strides(shape).reduce((sum, stride, axis) => sum + stride * (place[axis] ?? 0), 0);
}

/** Where the elements of slice(x, { axis, begin, end }) lie in x. */
export function slicePlaces(shape: Shape, axis: number, begin: number, end: number): number[] {
  const part = shape.map((n, i) => (i === axis ? end - begin : n));
  return [...placesOf(part)].map((place) =>
    offset(
      place.map((c, i) => (i === axis ? c + begin : c)),
      shape,
    ),
  );
}

/** Where the elements of permute(x, axes) lie in x. */
export function permutePlaces(shape: Shape, axes: readonly number[]): number[] {
  const result = axes.map((axis) => shape[axis] ?? 0);
  return [...placesOf(result)].map((place) =>
    offset(
      shape.map((_, axis) => place[axes.indexOf(axis)] ?? 0),
      shape,
    ),
  );
}

/** Where the elements of concat(tensors, { axis }) lie: in which tensor, and where in it. */
export function concatPlaces(shapes: readonly Shape[], axis: number): (readonly [number, number])[] {
  const total = shapes.reduce((sum, shape) => sum + (shape[axis] ?? 0), 0);
  const joint = (shapes[0] ?? []).map((n, i) => (i === axis ? total : n));
  return [...placesOf(joint)].map((place) => {
    let at = place[axis] ?? 0;
    let which = 0;
    while (at >= (shapes[which]?.[axis] ?? Number.POSITIVE_INFINITY)) at -= shapes[which++]?.[axis] ?? 0;
    return [
      which,
      offset(
        place.map((c, i) => (i === axis ? at : c)),
        shapes[which] ?? [],
      ),
    ];
  });
}
