import { checkCall, type Tensor } from "@dilated/core";
import { maxAxis } from "./max.ts";
import { REDUCTION, type ReduceOptions, resolveAxis } from "./reduce.options.ts";

/**
 * Index of the largest element, of all (row-major) or along one axis, which is removed from the shape. The first of
 * several counts, and a NaN is the largest of all. It has no gradient.
 *
 * @param x - f32 or f16, not empty
 * @returns u32, shape of x without `axis`; `[]` without the option
 * @throws ConfigError for an unknown option or axis; ShapeError when there is nothing to take the maximum of;
 * DtypeError unless x is f32 or f16.
 */
export function argmax(x: Tensor, options: ReduceOptions = {}): Tensor {
  checkCall("argmax", REDUCTION, arguments);
  const { axis, shape } = resolveAxis("argmax", x, options, "nonempty");
  return x.device.scope(() => maxAxis(x, axis, shape).at);
}
