import { defineKernel, type KernelDefinition } from "@dilated/core";
import { kernelsModule } from "../wasm/module.ts";
import gather from "./gather.wgsl";
import scatter from "./scatter.wgsl";

export const gatherKernel: KernelDefinition<
  "table" | "ids" | "y",
  "quads" | "columns" | "first_row" | "rows" | "vocab" | "row_bytes" | "missing"
> = defineKernel({
  name: "embeddingGather",
  tensors: {
    table: { access: "read", view: "vec4" },
    ids: { access: "read", view: "scalar" },
    y: { access: "write", view: "vec4" },
  },
  scalars: {
    quads: "u32",
    columns: "u32",
    first_row: "u32",
    rows: "u32",
    vocab: "u32",
    row_bytes: "u32",
    missing: "f32",
  },
  wgsl: { source: gather },
  wasm: { module: kernelsModule, entry: "embeddingGather" },
});

export const scatterKernel: KernelDefinition<
  "grad" | "ids" | "sums",
  "first_row" | "rows" | "block" | "tokens" | "chunk" | "columns" | "accumulate"
> = defineKernel({
  name: "embeddingScatter",
  tensors: {
    grad: { access: "read", view: "vec4" },
    ids: { access: "read", view: "vec4" },
    sums: { access: "read_write", view: "vec4" },
  },
  scalars: {
    first_row: "u32",
    rows: "u32",
    block: "u32",
    tokens: "u32",
    chunk: "u32",
    columns: "u32",
    accumulate: "u32",
  },
  wgsl: { source: scatter },
  wasm: { module: kernelsModule, entry: "embeddingScatter" },
});
