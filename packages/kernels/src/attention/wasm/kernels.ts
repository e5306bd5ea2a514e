import { defineKernel, type KernelDefinition, type TensorSlot } from "@dilated/core";
import { kernelsModule } from "../../wasm/module.ts";
import { attentionBackwardLayout, attentionForwardLayout, attentionRowDotLayout } from "./layout.ts";

// The lists of words: assembly/words.ts is made from them. q, dq are [B, N, H, D]; out, dout [B, N, H, Dv]; k, dk [B,
// M, G, D]; v, dv [B, M, G, Dv]; lse, delta [B, H, N]; mask [B, M] u32, where 0 leaves a key out. The tables are those
// of a pass of a schedule (`CpuForward`, `CpuBackward`): `head_patterns` has one for each of the H heads.

const read: TensorSlot = { access: "read", view: "raw" };
const write: TensorSlot = { access: "read_write", view: "raw" };
const optional: TensorSlot = { ...read, optional: true };
const wanted: TensorSlot = { ...write, optional: true };

/** N, M, H, G, D and Dv; the tables; heads that take part; a query at position t sees keys at t + low to t + high. */
const sizes = {
  queries: "i32",
  keys: "i32",
  heads_q: "i32",
  heads_kv: "i32",
  width: "i32",
  value_width: "i32",
  pattern_count: "i32",
  head_begin: "i32",
  head_end: "i32",
  low: "i32",
  high: "i32",
} as const;

const numbers = {
  /** Keep a weight iff the Philox word >= it; 0: no dropout. */
  threshold: "u32",
  seed_low: "u32",
  seed_high: "u32",
  dropout_domain: "u32",
  /** Factor of q·k. */
  scale: "f32",
  /** Factor of the output: 1 / (1 - p), times that of the call. */
  keep_scale: "f32",
  /** Bound of the scores; 0: none. */
  softcap: "f32",
} as const;

type Common = keyof typeof sizes | keyof typeof numbers;

/**
 * One pass of a schedule, merged in place into (out, lse): rows that hold nothing yet have an lse of -1e30, and out 0.
 * Rows that see no key stay as they are.
 */
export const attentionForward: KernelDefinition<
  "q" | "k" | "v" | "out" | "lse" | "mask" | "head_patterns" | "chunks" | "runs" | "lists",
  Common | "chunk_count"
> = defineKernel({
  name: "attention_forward",
  tensors: {
    q: read,
    k: read,
    v: read,
    out: write,
    lse: write,
    mask: optional,
    head_patterns: read,
    chunks: read,
    runs: read,
    lists: optional,
  },
  scalars: { ...sizes, chunk_count: "i32", ...numbers },
  wasm: { module: kernelsModule, entry: attentionForwardLayout.entry },
});

/**
 * Gradient over one launch of a schedule, from the **total** lse: P = exp(s - lse), dS = P·(dropout·keep_scale·dout·v -
 * delta), both times the derivative of the softcap. Adds to those of dq, dk and dv that are given: dk and dv both or
 * none. `delta` is what {@link attentionRowDot} makes of the total out (exact) or of that of the part (detached), less
 * the gradient of lse. Rows with lse <= -1e29 get no gradient.
 */
export const attentionBackward: KernelDefinition<
  "q" | "k" | "v" | "dout" | "lse" | "delta" | "dq" | "dk" | "dv" | "mask" | "head_patterns" | "blocks" | "lists",
  Common | "block_count"
> = defineKernel({
  name: "attention_backward",
  tensors: {
    q: read,
    k: read,
    v: read,
    dout: read,
    lse: read,
    delta: read,
    dq: wanted,
    dk: wanted,
    dv: wanted,
    mask: optional,
    head_patterns: read,
    blocks: read,
    lists: optional,
  },
  scalars: { ...sizes, block_count: "i32", ...numbers },
  wasm: { module: kernelsModule, entry: attentionBackwardLayout.entry },
});

/** delta = rowsum(dout * out). */
export const attentionRowDot: KernelDefinition<
  "out" | "dout" | "delta",
  "batch" | "queries" | "heads_q" | "width" | "item_tokens"
> = defineKernel({
  name: "attention_row_dot",
  tensors: { out: read, dout: read, delta: write },
  scalars: { batch: "i32", queries: "i32", heads_q: "i32", width: "i32", item_tokens: "i32" },
  wasm: { module: kernelsModule, entry: attentionRowDotLayout.entry },
});
