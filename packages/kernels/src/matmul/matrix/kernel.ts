import { defineKernel, type KernelDefinition } from "@dilated/core";
import curves from "../../activation/curves.wgsl";
import source from "./matrix.wgsl";

type MatrixTensors = "a" | "b" | "c" | "bias" | "residual" | "before";

type MatrixScalars =
  | "m" | "n" | "k"
  | "lda" | "ldb" | "ldc"
  | "stride_a" | "stride_b" | "stride_c"
  | "alpha"
  | "first_a" | "first_c" | "splits" | "chunk"; // biome-ignore format: one line a kind

/** Constants: those of `MatrixTile` and `MatrixFlags`. `before` takes what the activation is given, for its gradient. */
export const matrixKernel: KernelDefinition<MatrixTensors, MatrixScalars> = defineKernel({
  name: "matmul.matrix",
  tensors: {
    a: { access: "read", view: "blocks" },
    b: { access: "read", view: "blocks" },
    c: { access: "read_write", view: "blocks" },
    bias: { access: "read", view: "vec4", optional: true },
    residual: { access: "read", view: "vec4", optional: true },
    before: { access: "write", view: "blocks", optional: true },
  },
  scalars: {
    m: "u32",
    n: "u32",
    k: "u32",
    lda: "u32",
    ldb: "u32",
    ldc: "u32",
    stride_a: "u32",
    stride_b: "u32",
    stride_c: "u32",
    alpha: "f32",
    first_a: "u32",
    first_c: "u32",
    splits: "u32",
    chunk: "u32",
  },
  wgsl: {
    source: `${curves}\n${source}`,
    features: ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"] as GPUFeatureName[],
  },
});
