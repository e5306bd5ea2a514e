import { defineKernel } from "../../kernel/define.ts";
import type { KernelCall, KernelDefinition } from "../../kernel/definition.ts";
import type { Tensor } from "../../tensor/tensor.ts";

const HEAD = `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group_index(w) >= params.group_count) { return; }
  let i = group_index(w) * 64u + lane;
  if (i >= params.count) { return; }`;

/** y += a x (+ bias), four elements a thread. */
export const axpy: KernelDefinition<"x" | "bias" | "y", "a" | "count"> = defineKernel({
  name: "axpy",
  tensors: {
    x: { access: "read", view: "vec4" },
    bias: { access: "read", view: "vec4", optional: true },
    y: { access: "read_write", view: "vec4" },
  },
  scalars: { a: "f32", count: "u32" },
  wgsl: {
    source: `${HEAD}
  var v = load_y(i) + params.a * load_x(i);
  if (HAS_BIAS) { v += load_bias(i); }
  store_y(i, v);
}`,
  },
});

/** y = 2 y + the flat index of its element: running it twice, not at all or out of order all show. */
export const mark: KernelDefinition<"y", "count"> = defineKernel({
  name: "mark",
  tensors: { y: { access: "read_write", view: "scalar", dtype: "u32" } },
  scalars: { count: "u32" },
  wgsl: { source: `${HEAD}\n  store_y(i, 2u * load_y(i) + i);\n}` },
});

/** A call of `mark` over all of a tensor. */
export function markCall(y: Tensor, flops = 0): KernelCall<"y", "count"> {
  return { tensors: { y }, scalars: { count: y.size }, groups: Math.ceil(y.size / 64), items: 0, flops };
}
