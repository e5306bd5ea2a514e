import type { Tensor } from "@dilated/core";
import { checkNumber } from "../shared/check.ts";
import { unary } from "./unary.ts";

/**
 * s·x, elementwise.
 *
 * @param x - any shape, f32 or f16
 * @param s - a finite number; not differentiated
 * @throws ConfigError when `s` is not finite; DtypeError unless x is f32 or f16.
 */
export function scale(x: Tensor, s: number): Tensor {
  checkNumber("scale", "s", s, "a finite number");
  return unary("scale", x, "scale", s);
}

/**
 * x², elementwise.
 *
 * @param x - any shape, f32 or f16
 * @throws DtypeError unless x is f32 or f16.
 */
export function square(x: Tensor): Tensor {
  return unary("square", x, "square");
}
