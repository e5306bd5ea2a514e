import { checkCall, field, type Tensor } from "@dilated/core";
import { ONE_TENSOR } from "../shared/check.ts";
import { unary } from "./unary.ts";

const SCALE = { ...ONE_TENSOR, s: field.number() };

/**
 * s·x, elementwise.
 *
 * @param x - any shape, f32 or f16
 * @param s - a finite number; not differentiated
 * @throws ConfigError when `s` is not finite; DtypeError unless x is f32 or f16.
 */
export function scale(x: Tensor, s: number): Tensor {
  checkCall("scale", SCALE, arguments);
  return unary("scale", x, "scale", s);
}

/**
 * x², elementwise.
 *
 * @param x - any shape, f32 or f16
 * @throws DtypeError unless x is f32 or f16.
 */
export function square(x: Tensor): Tensor {
  checkCall("square", ONE_TENSOR, arguments);
  return unary("square", x, "square");
}
