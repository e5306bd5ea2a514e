import { cast, type DType, ShapeError, type Tensor } from "@dilated/core";
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
    throw new ShapeError(`${caller}: x needs a last axis of at least one element`, {
      details: describe({ x }),
      fix: "reshape it to [rows, width]",
    });
  }
  return { rows: x.size / width, width };
}

/** A tensor of the shape of `x`; contents undefined. */
export function emptyLike(x: Tensor, label: string = x.label): Tensor {
  return x.device.empty(x.shape, { dtype: x.dtype, label });
}

/**
 * Where a row kernel writes a result of the shape and dtype of `x`: WGSL cannot write single f16 elements, so odd widths go through f32;
 * {@link settle} then casts.
 */
export function rowTarget(x: Tensor, label: string = x.label): Tensor {
  const odd = (x.shape.at(-1) ?? 0) % 4 !== 0 && x.device.info.backend === "webgpu";
  return x.device.empty(x.shape, { dtype: odd ? "f32" : x.dtype, label });
}

/** `result` as `dtype`; frees it where a cast had to be made. */
export function settle(result: Tensor, dtype: DType): Tensor {
  if (result.dtype === dtype) return result;
  const settled = cast(result, dtype);
  result.dispose();
  return settled;
}
