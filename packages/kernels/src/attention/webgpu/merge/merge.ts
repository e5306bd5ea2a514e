import { defineKernel, type KernelDefinition } from "@dilated/core";
import { kernelsModule } from "../../../wasm/module.ts";
import source from "./merge.wgsl";

/** Rows that one workgroup handles. */
export const MERGE_ROWS = 8;
/** Tokens of one WebAssembly work item. */
export const MERGE_TOKENS = 64;

type Scalar = "batch" | "tokens" | "heads" | "width" | "item_tokens" | "rows" | "row_begin";

/** Merges (out_b, lse_b) into (out, lse) in place; out [B, N, H, D], lse [B, H, N]. */
export const attentionMerge: KernelDefinition<"out" | "lse" | "out_b" | "lse_b", Scalar> = defineKernel({
  name: "attention_merge",
  tensors: {
    out: { access: "read_write", view: "vec4" },
    lse: { access: "read_write", view: "raw" },
    out_b: { access: "read", view: "vec4" },
    lse_b: { access: "read", view: "raw" },
  },
  scalars: {
    batch: "u32",
    tokens: "u32",
    heads: "u32",
    width: "u32",
    item_tokens: "u32",
    rows: "u32",
    row_begin: "u32",
  },
  wgsl: { source },
  wasm: { module: kernelsModule, entry: "lseMerge" },
});
