import type { Shape, Tensor } from "@dilated/core";
import { abs, exp, log } from "../elementwise/exp.ts";
import { scale, square } from "../elementwise/scale.ts";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { gelu, relu, sigmoid, silu, tanh } from "./activation.ts";
import { referenceCurve } from "./curves.reference.ts";
import type { Curve } from "./curves.ts";

const FACTOR = -1.75;

const functions: Record<Curve, (x: Tensor) => Tensor> = {
  relu,
  silu,
  gelu: (x) => gelu(x),
  geluTanh: (x) => gelu(x, { approximate: "tanh" }),
  sigmoid,
  tanh,
  square,
  scale: (x) => scale(x, FACTOR),
  exp,
  log,
  abs,
};

/** Every curve, by the name that the kernels know it under. */
export const curveNames: readonly Curve[] = Object.keys(functions) as Curve[];

/** f(x) elementwise on one shape. */
export function curveCase(curve: Curve, shape: Shape): OpCase {
  const { f, slope } = referenceCurve(curve, FACTOR);
  return {
    name: `${curve} [${shape.join(", ")}]`,
    inputs: [shape],
    domain: (x) => (curve === "log" ? Math.abs(x) + 0.25 : x),
    run: ([x]) => functions[curve](x as Tensor),
    forward: ([x]) => (x as Float64Array).map(f),
    backward: ([x], dy) => [dy.map((d, i) => d * slope(x?.[i] ?? Number.NaN))],
  };
}

export const activationCases: readonly OpCase[] = curveNames.flatMap((curve) => [
  curveCase(curve, [5]),
  curveCase(curve, [3, 1367]),
]);
