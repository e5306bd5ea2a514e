import type { Tensor } from "@dilated/core";
import { referenceCurve } from "../activation/curves.reference.ts";
import type { OpCase, Values } from "../shared/test-utils/op-case.ts";
import { linear } from "./linear.ts";
import { matmulGradReference, matmulReference } from "./matmul.reference.ts";
import type { LinearActivation } from "./problem.ts";

/** What varies between dense layers. */
export interface LinearVariation {
  readonly leading: readonly number[];
  readonly width: number;
  readonly out: number;
  readonly bias?: boolean;
  readonly activation?: LinearActivation;
  readonly residual?: boolean;
}

/** activation(x [..., in] · weight [out, in]ᵀ + bias) + residual. */
export function linearCase(v: LinearVariation): OpCase {
  const { leading, width, out, bias = false, activation, residual = false } = v;
  const m = leading.reduce((product, axis) => product * axis, 1);
  const sizes = { batch: 1, m, n: out, k: width, transposeA: false, transposeB: true, sharedB: false, alpha: 1 };
  const { f, slope } = activation ? referenceCurve(activation) : { f: (x: number) => x, slope: () => 1 };
  const before = (x: Values, y: Values, z?: Values) => matmulReference(sizes, x, y, z);
  return {
    name: `linear ${JSON.stringify(v).replaceAll('"', "")}`,
    inputs: [[...leading, width], [out, width], bias ? [out] : undefined, residual ? [...leading, out] : undefined],
    run: ([x, y, z, r]) =>
      linear(x as Tensor, y as Tensor, z, { ...(activation ? { activation } : {}), ...(r ? { residual: r } : {}) }),
    forward: ([x = empty, y = empty, z, r]) => before(x, y, z).map((value, i) => f(value) + Number(r?.[i] ?? 0)),
    backward: ([x = empty, y = empty, z], dy) => {
      const inner = before(x, y, z);
      const dinner = dy.map((d, i) => d * slope(Number(inner[i])));
      return [...matmulGradReference(sizes, x, y, dinner), dy];
    },
  };
}

const empty = new Float64Array();

export const linearCases: readonly OpCase[] = [
  linearCase({ leading: [2, 3], out: 20, width: 12, bias: true }),
  linearCase({ leading: [70], out: 36, width: 33 }),
  linearCase({ leading: [], out: 8, width: 16, bias: true, activation: "silu", residual: true }),
  linearCase({ leading: [24], out: 16, width: 32, bias: true, activation: "gelu" }),
  linearCase({ leading: [3, 9], out: 24, width: 16, bias: true, activation: "relu" }),
  linearCase({ leading: [18], out: 8, width: 24, activation: "relu", residual: true }),
  linearCase({ leading: [17], out: 7, width: 5, bias: true, residual: true }),
];
