import { defineKernel, type KernelDefinition } from "@dilated/core";
import source from "./row-stats.wgsl";

/** Rows that one workgroup handles. */
export const STATS_ROWS = 8;

type Scalar = "rows" | "row_begin" | "width4" | "heads_q" | "tokens" | "stat_words" | "component";

/** stats [B, N, H, 2 + deltas] from out, dout [B, N, H, D], lse and dlse [B, H, N], mask [B, N]; see row-stats.wgsl. */
export const attentionRowStats: KernelDefinition<"out" | "dout" | "lse" | "dlse" | "mask" | "stats", Scalar> =
  defineKernel({
    name: "attention_row_stats",
    tensors: {
      out: { access: "read", view: "vec4" },
      dout: { access: "read", view: "vec4" },
      lse: { access: "read", view: "raw" },
      dlse: { access: "read", view: "scalar", optional: true },
      mask: { access: "read", view: "scalar", dtype: "u32", optional: true },
      stats: { access: "read_write", view: "raw" },
    },
    scalars: {
      rows: "u32",
      row_begin: "u32",
      width4: "u32",
      heads_q: "u32",
      tokens: "u32",
      stat_words: "u32",
      component: "u32",
    },
    wgsl: { source },
  });
