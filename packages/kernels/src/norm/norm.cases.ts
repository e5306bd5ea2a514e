import type { Shape, Tensor } from "@dilated/core";
import type { OpCase } from "../shared/test-utils/op-case.ts";
import { type NormInputs, normGradient, normReference } from "./norm.reference.ts";
import { layerNorm, rmsNorm } from "./norm.ts";

/** Which norm, and which of its vectors are given. */
export interface NormKind {
  readonly norm: "layer" | "rms";
  readonly weight: boolean;
  readonly bias: boolean;
}

export const normKinds: readonly NormKind[] = [
  { norm: "layer", weight: true, bias: true },
  { norm: "layer", weight: true, bias: false },
  { norm: "layer", weight: false, bias: false },
  { norm: "rms", weight: true, bias: false },
  { norm: "rms", weight: false, bias: false },
];

/** A norm over the last axis of one shape. */
export function normCase({ norm, weight, bias }: NormKind, shape: Shape, eps?: number): OpCase {
  const width = shape.at(-1) ?? 0;
  const layer = norm === "layer";
  const options = eps === undefined ? {} : { eps };
  const inputsOf = ([x, w, b]: readonly (Float64Array | undefined)[]): NormInputs => ({
    x: x as Float64Array,
    width,
    weight: w,
    bias: b,
    eps: eps ?? (layer ? 1e-5 : 1e-6),
    centered: layer,
  });
  return {
    name: `${norm}${weight ? " weight" : ""}${bias ? " bias" : ""} [${shape.join(", ")}]`,
    inputs: [shape, weight ? [width] : undefined, bias ? [width] : undefined],
    run: ([x, w, b]) => (layer ? layerNorm(x as Tensor, w, b, options) : rmsNorm(x as Tensor, w, options)),
    forward: (inputs) => normReference(inputsOf(inputs)),
    backward: (inputs, dy) => normGradient(inputsOf(inputs), dy),
  };
}

export const normCases: readonly OpCase[] = [
  ...normKinds.flatMap((kind) => [normCase(kind, [3, 5, 16]), normCase(kind, [9, 13])]),
  normCase({ norm: "layer", weight: true, bias: true }, [300, 64]), // weights' gradients in two passes
  normCase({ norm: "layer", weight: true, bias: true }, [4101, 12]), // several rows a workgroup, the last one partly
  normCase({ norm: "layer", weight: false, bias: true }, [5, 300]), // a row that does not end with a workgroup's invocations
  normCase({ norm: "layer", weight: true, bias: true }, [2, 3000]), // wide: backward takes more invocations a row
  normCase({ norm: "rms", weight: true, bias: false }, [2, 2501], 1e-3),
  normCase({ norm: "rms", weight: true, bias: false }, [5, 2052]),
  normCase({ norm: "layer", weight: true, bias: true }, [3, 4100]), // wider than the registers
  normCase({ norm: "layer", weight: true, bias: true }, [2, 4101]),
];
