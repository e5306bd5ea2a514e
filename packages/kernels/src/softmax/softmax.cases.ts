import type { Shape, Tensor } from "@dilated/core";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { softmaxGradient, softmaxReference } from "./softmax.reference.ts";
import { softmax } from "./softmax.ts";

/** Softmax over the last axis of one shape. */
export function softmaxCase(shape: Shape): OpCase {
  const width = shape.at(-1) ?? 0;
  return {
    name: `[${shape.join(", ")}]`,
    inputs: [shape],
    run: ([x]) => softmax(x as Tensor),
    forward: ([x]) => softmaxReference(x as Float64Array, width),
    backward: ([x], dy) => [softmaxGradient(x as Float64Array, width, dy)],
  };
}

export const softmaxCases: readonly OpCase[] = (
  [[1], [5], [3, 8], [2, 3, 7], [4, 1023], [2, 4096], [1, 20_001]] as const
).map(softmaxCase);
