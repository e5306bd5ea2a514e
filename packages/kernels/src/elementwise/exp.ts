import { checkCall, type Tensor } from "@dilated/core";
import { ONE_TENSOR } from "../shared/check.ts";
import curves from "./exp.wgsl";
import { type UnaryKernel, unary, unaryKernelOf } from "./unary.ts";

export const expKernel: UnaryKernel = unaryKernelOf("unary_exp", curves);

/**
 * e^x, elementwise: infinity beyond the range of f32 (x > 88.7), 0 far below.
 *
 * @param x - any shape, f32 or f16
 * @throws DtypeError unless x is f32 or f16.
 */
export function exp(x: Tensor): Tensor {
  checkCall("exp", ONE_TENSOR, arguments);
  return unary("exp", x, "exp", 1, expKernel);
}

/**
 * The natural logarithm, elementwise: minus infinity at 0, NaN below.
 *
 * @param x - any shape, f32 or f16
 * @throws DtypeError unless x is f32 or f16.
 */
export function log(x: Tensor): Tensor {
  checkCall("log", ONE_TENSOR, arguments);
  return unary("log", x, "log", 1, expKernel);
}

/**
 * |x|, elementwise; the slope at 0 is 0.
 *
 * @param x - any shape, f32 or f16
 * @throws DtypeError unless x is f32 or f16.
 */
export function abs(x: Tensor): Tensor {
  checkCall("abs", ONE_TENSOR, arguments);
  return unary("abs", x, "abs", 1, expKernel);
}
