import { type Shape, sizeOf, type Tensor } from "@dilated/core";
import type { Axis } from "../reduce/plan.ts";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { topKElements, topKPlaces } from "./top-k.reference.ts";
import { topK } from "./top-k.ts";

export function axisOfShape(shape: Shape, axis: number): Axis {
  return { outer: sizeOf(shape.slice(0, axis)), n: shape[axis] ?? 0, inner: sizeOf(shape.slice(axis + 1)) };
}

/** The values of topK. */
export function topKCase(shape: Shape, k: number, axis: number = shape.length - 1): OpCase {
  const seen = axisOfShape(shape, axis);
  const elements = (x: Float64Array) => topKElements(topKPlaces(x, seen, k), seen, k);
  return {
    name: `top ${k} of [${shape.join(", ")}] axis ${axis}`,
    inputs: [shape],
    run: ([x]) => {
      const { values, indices } = topK(x as Tensor, k, { axis });
      indices.dispose();
      return values;
    },
    forward: ([x]) => Float64Array.from(elements(x as Float64Array), (at) => x?.[at] ?? Number.NaN),
    backward: ([x], dy) => {
      const dx = new Float64Array(sizeOf(shape));
      for (const [i, at] of elements(x as Float64Array).entries()) dx[at] = dy[i] ?? Number.NaN;
      return [dx];
    },
  };
}

export const topKCases: readonly OpCase[] = [
  topKCase([1], 1),
  topKCase([7], 7),
  topKCase([3, 9], 2),
  topKCase([2, 1000], 5), // several elements a lane
  topKCase([4, 5, 3], 2, 1),
  topKCase([6, 4], 6, 0),
];
