import { defineKernel, type KernelDefinition, type TensorSlot } from "@dilated/core";
import { kernelsModule } from "../../wasm/module.ts";
import { attentionBackwardLayout, attentionForwardLayout, attentionRowDotLayout } from "./layout.ts";

const read: TensorSlot = { access: "read", view: "raw" };
const write: TensorSlot = { access: "read_write", view: "raw" };
const optional: TensorSlot = { ...read, optional: true };

// The order is that of the words in layout.ts: addresses, integers, floats.
const branch = {
  r: "i32",
  offset_mode: "i32",
  offset: "i32",
  head_begin: "i32",
  head_end: "i32",
  causal: "i32",
} as const;
const tail = {
  mask_bytes: "i32",
  threshold: "u32",
  seed_low: "u32",
  seed_high: "u32",
  token_base: "i32",
  dropout_domain: "u32",
  scale: "f32",
  keep_scale: "f32",
} as const;
const sizes = { batch: "i32", tokens: "i32", heads_q: "i32", heads_kv: "i32", width: "i32" } as const;

type Common = keyof typeof branch | keyof typeof tail | keyof typeof sizes;

/** One branch merged into (out, lse). */
export const branchForward: KernelDefinition<
  "q" | "k" | "v" | "out" | "lse" | "mask" | "table",
  Common | "count" | "merge"
> = defineKernel({
  name: "attention_branch_forward",
  tensors: { q: read, k: read, v: read, out: write, lse: write, mask: optional, table: read },
  scalars: { ...sizes, count: "i32", ...branch, merge: "i32", ...tail },
  wasm: { module: kernelsModule, entry: attentionForwardLayout.entry },
});

/** Gradient of one branch, added to dq, dk, dv. */
export const branchBackward: KernelDefinition<
  "q" | "k" | "v" | "dout" | "lse" | "delta" | "dq" | "dk" | "dv" | "mask" | "table",
  Common | "count"
> = defineKernel({
  name: "attention_branch_backward",
  tensors: {
    q: read,
    k: read,
    v: read,
    dout: read,
    lse: read,
    delta: read,
    dq: write,
    dk: write,
    dv: write,
    mask: optional,
    table: read,
  },
  scalars: { ...sizes, count: "i32", ...branch, ...tail },
  wasm: { module: kernelsModule, entry: attentionBackwardLayout.entry },
});

/** delta [B, H, N] = rowsum(dout * out). */
export const rowDot: KernelDefinition<
  "out" | "dout" | "delta",
  "batch" | "tokens" | "heads_q" | "width" | "item_tokens"
> = defineKernel({
  name: "attention_row_dot",
  tensors: { out: read, dout: read, delta: write },
  scalars: { batch: "i32", tokens: "i32", heads_q: "i32", width: "i32", item_tokens: "i32" },
  wasm: { module: kernelsModule, entry: attentionRowDotLayout.entry },
});
