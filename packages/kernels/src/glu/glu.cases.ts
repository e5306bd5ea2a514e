import type { Shape, Tensor } from "@dilated/core";
import { referenceCurve } from "../activation/curves.reference.ts";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { gluGradient, gluReference } from "./glu.reference.ts";
import { type GluOptions, glu } from "./glu.ts";

export const gates: readonly GluOptions["activation"][] = ["sigmoid", "silu", "gelu", "relu"];

/** value·f(gate) on one shape. */
export function gluCase(activation: GluOptions["activation"], shape: Shape): OpCase {
  const curve = referenceCurve(activation);
  return {
    name: `${activation} [${shape.join(", ")}]`,
    inputs: [shape, shape],
    run: ([value, gate]) => glu(value as Tensor, gate as Tensor, { activation }),
    forward: ([value, gate]) => gluReference(curve, value as Float64Array, gate as Float64Array),
    backward: ([value, gate], dy) => gluGradient(curve, value as Float64Array, gate as Float64Array, dy),
  };
}

export const gluCases: readonly OpCase[] = gates.flatMap((gate) => [gluCase(gate, [3]), gluCase(gate, [7, 613])]);
