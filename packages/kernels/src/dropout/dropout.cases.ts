import type { Shape, Tensor } from "@dilated/core";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { dropoutReference } from "./dropout.reference.ts";
import { type DropoutOptions, dropout } from "./dropout.ts";

/** Dropout of one shape. */
export function dropoutCase(shape: Shape, options: DropoutOptions): OpCase {
  return {
    name: `[${shape.join(", ")}] p ${options.p} seed ${options.seed}`,
    inputs: [shape],
    run: ([x]) => dropout(x as Tensor, options),
    forward: ([x]) => dropoutReference(x as Float64Array, options),
    backward: (_, dy) => [dropoutReference(dy, options)],
  };
}

export const dropoutCases: readonly OpCase[] = [
  dropoutCase([1], { p: 0.5, seed: 0 }),
  dropoutCase([19], { p: 0.5, seed: 3 }),
  dropoutCase([3, 4099], { p: 0.1, seed: 2 ** 40 + 7, stream: 5 }),
  dropoutCase([64], { p: 0, seed: 1 }),
  dropoutCase([4, 64], { p: 0.999, seed: 1 }),
];
