import { defineKernel, type KernelDefinition, type TensorView, type WgslSource } from "@dilated/core";
import { kernelsModule } from "../wasm/module.ts";
import accessScalar from "./access-scalar.wgsl";
import accessVec4 from "./access-vec4.wgsl";
import backward from "./backward.wgsl";
import forward from "./forward.wgsl";
import reduce from "./reduce.wgsl";

/** Rows of V % 4 == 0 logits go four at a time; others one at a time. */
export type Access = "vec4" | "scalar";

const READ = { vec4: accessVec4, scalar: accessScalar } as const;

type ForwardKernel = KernelDefinition<
  "logits" | "targets" | "loss" | "lse",
  "vocab" | "ignored" | "smoothing" | "missing"
>;

const forwardKernel = (view: Access): ForwardKernel =>
  defineKernel({
    name: `crossEntropyForward.${view}`,
    tensors: {
      logits: { access: "read", view },
      targets: { access: "read", view: "scalar" },
      loss: { access: "write", view: "scalar" },
      lse: { access: "write", view: "scalar" },
    },
    scalars: { vocab: "u32", ignored: "i32", smoothing: "f32", missing: "f32" },
    wgsl: { source: READ[view] + forward },
    wasm: { module: kernelsModule, entry: "crossEntropyForward" },
  });

export const forwardKernels: Readonly<Record<Access, ForwardKernel>> = {
  vec4: forwardKernel("vec4"),
  scalar: forwardKernel("scalar"),
};

type BackwardScalars = "quads" | "vocab" | "ignored" | "grad_stride" | "smoothing";
type BackwardKernel = KernelDefinition<"logits" | "targets" | "lse" | "scale" | "grad" | "out", BackwardScalars>;

/** In place, the logits are overwritten by their gradient; WebGPU wants one read_write slot for that, not two slots on one buffer. */
const backwardKernel = (view: Access, inPlace: boolean): BackwardKernel =>
  defineKernel({
    name: `crossEntropyBackward.${view}${inPlace ? ".inPlace" : ""}`,
    tensors: {
      logits: { access: inPlace ? "read_write" : "read", view },
      targets: { access: "read", view: "scalar" },
      lse: { access: "read", view: "scalar" },
      scale: { access: "read", view: "scalar" },
      grad: { access: "read", view: "scalar", optional: true },
      out: { access: "write", view, optional: true },
    },
    scalars: { quads: "u32", vocab: "u32", ignored: "i32", grad_stride: "u32", smoothing: "f32" },
    wgsl: { source: READ[view] + write4(view, inPlace ? "logits" : "out") + backward },
    wasm: { module: kernelsModule, entry: "crossEntropyBackward" },
  });

function write4(view: TensorView, name: string): WgslSource["source"] {
  const body =
    view === "vec4"
      ? `store_${name}(at / 4u, v);`
      : `for (var j = 0u; j < min(left, 4u); j++) { store_${name}(at + j, v[j]); }`;
  return `fn write4(at: u32, left: u32, v: vec4f) { ${body} }\n`;
}

export const backwardKernels: Readonly<Record<Access, BackwardKernel>> = {
  vec4: backwardKernel("vec4", false),
  scalar: backwardKernel("scalar", false),
};

export const inPlaceKernels: Readonly<Record<Access, BackwardKernel>> = {
  vec4: backwardKernel("vec4", true),
  scalar: backwardKernel("scalar", true),
};

export const reduceKernel: KernelDefinition<"loss" | "targets" | "scale" | "result", "rows" | "ignored" | "mean"> =
  defineKernel({
    name: "crossEntropyReduce",
    tensors: {
      loss: { access: "read", view: "scalar", optional: true },
      targets: { access: "read", view: "scalar", optional: true },
      scale: { access: "read", view: "scalar", optional: true },
      result: { access: "write", view: "scalar" },
    },
    scalars: { rows: "u32", ignored: "i32", mean: "u32" },
    wgsl: { source: reduce },
    wasm: { module: kernelsModule, entry: "crossEntropyReduce" },
  });
