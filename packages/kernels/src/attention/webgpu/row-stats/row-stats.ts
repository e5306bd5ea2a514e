import { type Device, defineKernel, type KernelDefinition } from "@dilated/core";
import type { RepairScalars } from "../repair/repair.ts";
import source from "./row-stats.wgsl";

/** Constants of row-stats.wgsl. */
export interface StatsCut {
  readonly THREADS: number;
  readonly PASSES: number;
}

/** Large workgroups keep a GPU's memory busy; software adapters gain nothing from them. */
export function statsCut({ info, limits }: Device): StatsCut {
  return info.software || limits.maxWorkgroupSize < 256 ? { THREADS: 64, PASSES: 1 } : { THREADS: 256, PASSES: 8 };
}

/** Rows that one workgroup handles. */
export function statsRows({ THREADS, PASSES }: StatsCut): number {
  return (THREADS / 8) * PASSES;
}

type Slot = "out" | "dout" | "lse" | "dlse" | "stats" | "peaks" | "plan";
type Scalar =
  | "rows"
  | "first_row"
  | "row_begin"
  | "width4"
  | "heads_q"
  | "queries"
  | "lse_base"
  | "stat_words"
  | "component"
  | "peak_begin"
  | keyof RepairScalars;

/**
 * stats [B, N, H, 1 + deltas] and peaks, one a workgroup, from out, dout [B, N, H, Dv], lse and dlse [B, H, N]; see
 * row-stats.wgsl.
 */
export const attentionRowStats: KernelDefinition<Slot, Scalar> = defineKernel({
  name: "attention_row_stats",
  tensors: {
    out: { access: "read", view: "vec4" },
    dout: { access: "read", view: "vec4" },
    lse: { access: "read", view: "raw" },
    dlse: { access: "read", view: "scalar", optional: true },
    stats: { access: "read_write", view: "raw" },
    peaks: { access: "read_write", view: "raw", dtype: "f32", optional: true },
    /** Where to leave a mark if anything is too large; see repair.ts. */
    plan: { access: "read_write", view: "raw", dtype: "u32", optional: true },
  },
  scalars: {
    rows: "u32",
    /** Rows before it are bound for the sake of alignment, and belong to another window. */
    first_row: "u32",
    row_begin: "u32",
    width4: "u32",
    heads_q: "u32",
    queries: "u32",
    lse_base: "u32",
    stat_words: "u32",
    component: "u32",
    peak_begin: "u32",
    limit: "u32",
    repair_at: "u32",
    repair_call: "u32",
  },
  wgsl: { source },
});
