import { defineKernel, type KernelDefinition, LimitError, type Shape, type Tensor } from "@dilated/core";
import { runFlat } from "../shared/run.ts";
import { kernelsModule } from "../wasm/module.ts";
import type { Axis } from "./plan.ts";
import source from "./spread.wgsl";

/** dx[o, j, i] = dy[o, i]·scale, everywhere or where j == at[o, i]. */
export const spreadKernel: KernelDefinition<"dy" | "at" | "dx", "total" | "n" | "inner" | "first" | "scale"> =
  defineKernel({
    name: "spread",
    tensors: {
      dy: { access: "read", view: "scalar" },
      at: { access: "read", view: "scalar", optional: true, dtype: "u32" },
      dx: { access: "write", view: "vec4" },
    },
    scalars: { total: "u32", n: "u32", inner: "u32", first: "u32", scale: "f32" },
    wgsl: { source },
    wasm: { module: kernelsModule, entry: "spreadF32" },
  });

/** The gradient of a reduction: dy [outer, inner] repeated along n, or put at one position of it. */
export function spread(dy: Tensor, { n, inner }: Axis, shape: Shape, scale: number, at?: Tensor): Tensor {
  const dx = dy.device.empty(shape, { dtype: dy.dtype, label: "grad" });
  if (dx.size >= 2 ** 32) {
    dx.dispose();
    throw new LimitError(`reduction: the gradient of ${dx.size} elements`, {
      details: ["at most 2^32 - 1"],
      fix: "reduce fewer rows at a time",
    });
  }
  runFlat(dy.device, spreadKernel, {
    tensors: { dx },
    shared: { dy, at },
    scalars: (first, total) => ({ total, n, inner, first, scale }),
  });
  return dx;
}
