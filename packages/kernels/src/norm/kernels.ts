import { defineKernel, type KernelDefinition } from "@dilated/core";
import { defineRowKernel, type RowKernel } from "../shared/row-kernel.ts";
import helpers from "../shared/rows.wgsl";
import { kernelsModule } from "../wasm/module.ts";
import source from "./norm.wgsl";
import backwardSource from "./norm-backward.wgsl";
import gradientsSource from "./norm-gradients.wgsl";

const read = { access: "read", view: "vec4" } as const;
const readOptional = { ...read, optional: true } as const;
const write = { access: "write", view: "vec4" } as const;
type Input = "x" | "weight" | "dy" | "mean" | "rstd";
const inputs = {
  x: read,
  weight: readOptional,
  dy: read,
  mean: { access: "read", view: "scalar", optional: true },
  rstd: { access: "read", view: "scalar" },
} as const;

/** Lanes a row, and how many groups of four each keeps in registers; wider rows are read again instead. */
export function normConstants(width: number): Record<"LANES" | "QUADS", number> {
  return width <= 4096 ? { LANES: 64, QUADS: Math.ceil(width / 256) } : { LANES: 256, QUADS: 0 };
}

/** y = (x - mean)·rstd·weight + bias. */
export const normKernel: RowKernel<"x" | "weight" | "bias" | "y" | "mean" | "rstd", "width" | "eps"> = defineRowKernel({
  name: "norm",
  tensors: {
    x: read,
    weight: readOptional,
    bias: readOptional,
    y: write,
    mean: { access: "write", view: "scalar", optional: true },
    rstd: { access: "write", view: "scalar" },
  },
  scalars: { width: "u32", eps: "f32" },
  wgsl: { source },
  wasm: { module: kernelsModule, entry: "normF32" },
});

/** dx of it. */
export const normBackwardKernel: RowKernel<Input | "dx", "width"> = defineRowKernel({
  name: "norm_backward",
  tensors: { ...inputs, dx: write },
  scalars: { width: "u32" },
  wgsl: { source: backwardSource },
  wasm: { module: kernelsModule, entry: "normBackwardF32" },
});

/** dx of it, and the gradients of weight and bias as sums over `each` rows: WebGPU, widths that are a multiple of four. */
export const normGradientsKernel: KernelDefinition<
  Input | "dx" | "dweight" | "dbias",
  "width" | "rows" | "each" | "into"
> = defineKernel({
  name: "norm_gradients",
  tensors: { ...inputs, dx: write, dweight: { ...write, optional: true }, dbias: { ...write, optional: true } },
  scalars: { width: "u32", rows: "u32", each: "u32", into: "u32" },
  wgsl: { source: `${helpers}\n${gradientsSource}` },
});
