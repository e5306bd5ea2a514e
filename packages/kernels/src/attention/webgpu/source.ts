import { philoxWgsl, type ScalarType } from "@dilated/core";
import schedule from "../schedule/dilated/dilated.wgsl";
import dropout from "./dropout.wgsl";

/** Names of {@link LAUNCH_SCALARS}. */
export type LaunchScalar =
  | "tokens"
  | "heads_q"
  | "heads_kv"
  | "row_base"
  | "batch_begin"
  | "tile_begin"
  | "tile_count"
  | "head_begin"
  | "head_count"
  | "stride"
  | "window"
  | "head_class"
  | "plan_branches"
  | "branch_count"
  | "order_at"
  | "order_tiles"
  | "causal"
  | "zero_pad"
  | "carry"
  | "scale"
  | "scale_log2"
  | "out_scale"
  | "threshold"
  | "keep_scale"
  | "seed_low"
  | "seed_high"
  | "dropout_domain"
  | "most_turns";

/** Scalars of every tiled attention kernel; they become `params.<name>`. */
export const LAUNCH_SCALARS: Readonly<Record<LaunchScalar, ScalarType>> = {
  /** N, H, G */
  tokens: "u32",
  heads_q: "u32",
  heads_kv: "u32",
  /** Row b·N + t of the tensors at which the bound windows begin. */
  row_base: "u32",
  /** Workgroups are (batch, tile, head) of these ranges, heads fastest. */
  batch_begin: "u32",
  tile_begin: "u32",
  tile_count: "u32",
  head_begin: "u32",
  head_count: "u32",
  /** Tokens from one row of a tile to the next. */
  stride: "u32",
  window: "u32",
  head_class: "u32",
  /** Word of `plan` at which the branches begin, and their number. */
  plan_branches: "u32",
  branch_count: "u32",
  /** Word of `plan` at which the order of (tile, head) pairs begins, and the tiles of a block of it; 0 tiles: as they come. */
  order_at: "u32",
  order_tiles: "u32",
  causal: "u32",
  zero_pad: "u32",
  /** Continue from what the output holds. */
  carry: "u32",
  scale: "f32",
  /** scale · log2(e) */
  scale_log2: "f32",
  out_scale: "f32",
  threshold: "u32",
  keep_scale: "f32",
  seed_low: "u32",
  seed_high: "u32",
  /** 0x0D120 + 2^16 · stream */
  dropout_domain: "u32",
  /** 2^32 - 1, which the compiler does not know; see `bound` in tile.wgsl. */
  most_turns: "u32",
};

/** Scalars of the rolled kernels, which may be launched to repair. */
export type RolledScalar = LaunchScalar | "repair_at" | "repair_call";

export const ROLLED_SCALARS: Readonly<Record<RolledScalar, ScalarType>> = {
  ...LAUNCH_SCALARS,
  /** Where `repair_call` is not 0, the launch is idle unless word `repair_at` of `plan` holds it. */
  repair_at: "u32",
  repair_call: "u32",
};

/** A kernel is its schedule, the tile arithmetic, and a body. */
export function attentionSource(...texts: readonly string[]): string {
  return [philoxWgsl, dropout, schedule, ...texts].join("\n");
}
