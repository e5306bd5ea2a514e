import { type Shape, sizeOf, type Tensor } from "@dilated/core";
import { embeddingGradReference, embeddingReference } from "../embedding/embedding.reference.ts";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { gather } from "./gather.ts";

/** Rows of one shape at indices on the device or, without `shape`, in a list. */
export function gatherCase(x: Shape, indices: readonly number[], shape?: Shape): OpCase {
  const [V = 0, ...row] = x;
  const E = sizeOf(row);
  return {
    name: `gather [${x.join(", ")}] at ${indices.length} indices ${shape ? `[${shape.join(", ")}]` : "in a list"}`,
    inputs: [x],
    run: ([tensor]) => {
      const { device } = tensor as Tensor;
      if (!shape) return gather(tensor as Tensor, indices);
      return device.scope(() => gather(tensor as Tensor, device.tensor(indices, shape, { dtype: "i32" })));
    },
    forward: ([values]) => embeddingReference(values as Float64Array, V, E, indices),
    backward: (_, dy) => [embeddingGradReference(dy, V, E, indices)],
  };
}

/** Indices below V, with repeats. */
export const indicesBelow = (V: number, count: number, step = 7): number[] =>
  Array.from({ length: count }, (_, i) => (i * step + (i >> 3)) % V);

export const gatherCases: readonly OpCase[] = [
  gatherCase([3], [2, 0, 2]),
  gatherCase([5, 3], [4, 4, 1], [3, 1]),
  gatherCase([7, 2, 4], indicesBelow(7, 12), [3, 4]),
  gatherCase([4, 17], indicesBelow(4, 30), [30]),
  gatherCase([256, 5], indicesBelow(256, 5000, 37), [5000]), // tokens in slices, were it not for the odd size
  gatherCase([256, 6], indicesBelow(256, 5000, 37), [5000]),
];
