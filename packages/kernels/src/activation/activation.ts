import { checkCall, field, type Tensor } from "@dilated/core";
import { unary } from "../elementwise/unary.ts";
import { ONE_TENSOR } from "../shared/check.ts";

/** How {@link gelu} is computed. */
export interface GeluOptions {
  /**
   * `none`: x·Φ(x) with the exact normal distribution (erf to 4e-7). `tanh`: the approximation of GPT-2 and BERT in TensorFlow.
   *
   * @defaultValue "none"
   */
  readonly approximate?: "none" | "tanh" | undefined;
}

const GELU = {
  ...ONE_TENSOR,
  options: field.options<GeluOptions>({ approximate: field.optional(field.oneOf(["none", "tanh"])) }),
};

/**
 * max(x, 0), elementwise; the slope at 0 is 0.
 *
 * @param x - any shape, f32 or f16
 * @throws DtypeError unless x is f32 or f16.
 */
export function relu(x: Tensor): Tensor {
  checkCall("relu", ONE_TENSOR, arguments);
  return unary("relu", x, "relu");
}

/** x·sigmoid(x), elementwise (also called swish); arguments and errors as in {@link relu}. */
export function silu(x: Tensor): Tensor {
  checkCall("silu", ONE_TENSOR, arguments);
  return unary("silu", x, "silu");
}

/** 1/(1 + e^-x), elementwise; arguments and errors as in {@link relu}. */
export function sigmoid(x: Tensor): Tensor {
  checkCall("sigmoid", ONE_TENSOR, arguments);
  return unary("sigmoid", x, "sigmoid");
}

/** tanh x, elementwise; arguments and errors as in {@link relu}. */
export function tanh(x: Tensor): Tensor {
  checkCall("tanh", ONE_TENSOR, arguments);
  return unary("tanh", x, "tanh");
}

/**
 * x·Φ(x), elementwise, Φ the normal distribution function.
 *
 * @param x - any shape, f32 or f16
 * @throws ConfigError for an unknown option; DtypeError unless x is f32 or f16.
 * @see Hendrycks, Gimpel: "Gaussian error linear units" (2016)
 */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  checkCall("gelu", GELU, arguments);
  return unary("gelu", x, options.approximate === "tanh" ? "geluTanh" : "gelu");
}
