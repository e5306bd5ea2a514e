import { defineKernel, type KernelDefinition } from "@dilated/core";
import { kernelsModule } from "../wasm/module.ts";
import put from "./put.wgsl";
import source from "./top-k.wgsl";

/** y[o, r, i] = the r-th largest of x[o, ·, i], and where it is. */
export const topKKernel: KernelDefinition<"x" | "y" | "at", "n" | "k" | "inner"> = defineKernel({
  name: "top_k",
  tensors: {
    x: { access: "read", view: "scalar" },
    y: { access: "write", view: "scalar" },
    at: { access: "write", view: "scalar", dtype: "u32" },
  },
  scalars: { n: "u32", k: "u32", inner: "u32" },
  wgsl: { source },
  wasm: { module: kernelsModule, entry: "topKF32" },
});

/** dx[o, at[o, r, i], i] = dy[o, r, i]. */
export const putKernel: KernelDefinition<"dy" | "at" | "dx", "n" | "k" | "inner" | "count"> = defineKernel({
  name: "put_at",
  tensors: {
    dy: { access: "read", view: "scalar" },
    at: { access: "read", view: "scalar", dtype: "u32" },
    dx: { access: "read_write", view: "scalar", dtype: "f32" },
  },
  scalars: { n: "u32", k: "u32", inner: "u32", count: "u32" },
  wgsl: { source: put },
  wasm: { module: kernelsModule, entry: "putAtF32" },
});
