import { ShapeError, type Tensor } from "@dilated/core";
import { describe } from "./check.ts";

/** A tensor seen as rows of its last axis: [rows, width]. */
export interface Rows {
  readonly rows: number;
  readonly width: number;
}

/**
 * Rows and width of a tensor whose last axis is worked on.
 *
 * @throws ShapeError for a scalar or an empty last axis.
 */
export function rowsOf(caller: string, x: Tensor): Rows {
  const width = x.shape.at(-1) ?? 0;
  if (width === 0) {
    throw new ShapeError(`${caller}: x needs a last axis of at least one element`, { details: describe({ x }), fix: "reshape it to [rows, width]" });
  }
  return { rows: x.size / width, width };
}

/** A tensor of the shape of `x`; contents undefined. */
export function emptyLike(x: Tensor, label: string = x.label): Tensor {
  return x.device.empty(x.shape, { dtype: x.dtype, label });
}
