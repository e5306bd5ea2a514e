import { field, type Schema, type Shape, ShapeError, sizeOf, type Tensor } from "@dilated/core";
import { axisOf } from "../shared/axis.ts";
import { checkFloats, describe, ONE_TENSOR } from "../shared/check.ts";
import type { Axis } from "./plan.ts";

/** What a reduction runs over. */
export interface ReduceOptions {
  /**
   * Axis that is reduced and removed from the shape; negative numbers count from the end.
   *
   * @defaultValue all elements: the result has shape `[]`
   */
  readonly axis?: number | undefined;
}

/** What a reduction is given. */
export const REDUCTION: Schema = {
  ...ONE_TENSOR,
  options: field.options<ReduceOptions>({
    axis: field.optional(field.custom("an integer", (axis) => typeof axis === "number")),
  }),
};

/** Checks x and the axis of a reduction; gives x as [outer, n, inner] and the shape of the result. */
export function resolveAxis(
  caller: string,
  x: Tensor,
  options: ReduceOptions,
  content: "any" | "nonempty",
): { axis: Axis; shape: Shape } {
  checkFloats(caller, { x });
  const { axis } = options;
  const at = axis === undefined ? undefined : axisOf(caller, x, axis);
  const resolved: Axis =
    at === undefined
      ? { outer: 1, n: x.size, inner: 1 }
      : { outer: sizeOf(x.shape.slice(0, at)), n: x.shape[at] ?? 0, inner: sizeOf(x.shape.slice(at + 1)) };
  if (content === "nonempty" && resolved.n === 0) {
    throw new ShapeError(`${caller}: there are no elements along the axis`, {
      details: describe({ x }),
      fix: "pass at least one element",
    });
  }
  return { axis: resolved, shape: at === undefined ? [] : x.shape.filter((_, i) => i !== at) };
}
