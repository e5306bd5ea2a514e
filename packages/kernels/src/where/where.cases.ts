import { type Shape, sizeOf, type Tensor } from "@dilated/core";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { whereGradient, whereReference } from "./where.reference.ts";
import { where } from "./where.ts";

/** A choice between tensors of these shapes, by every third element of the condition and some others. */
export function whereCase(condition: Shape, a: Shape, b: Shape): OpCase {
  const flags = Float64Array.from({ length: sizeOf(condition) }, (_, i) => Number(i % 3 === 0 || i % 7 === 2));
  return {
    name: `where [${condition.join(", ")}] [${a.join(", ")}] [${b.join(", ")}]`,
    inputs: [a, b],
    run: ([x, y]) => {
      const { device } = x as Tensor;
      return device.scope(() => where(device.tensor(flags, condition, { dtype: "u32" }), x as Tensor, y as Tensor));
    },
    forward: ([x, y]) => whereReference(flags, x as Float64Array, y as Float64Array),
    backward: ([x, y], dy) => whereGradient(flags, x as Float64Array, y as Float64Array, dy),
  };
}

export const whereCases: readonly OpCase[] = [
  whereCase([7], [7], [7]),
  whereCase([3, 5, 8], [5, 8], []),
  whereCase([8], [3, 8], [8]),
  whereCase([5], [11, 5], [11, 5]),
  whereCase([], [2, 3], [3]),
  whereCase([300, 12], [12], [300, 12]),
];
