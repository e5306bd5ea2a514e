import type { ScalarType } from "@dilated/core";

/** Scalars of every tiled attention kernel, whatever its schedule; they become `params.<name>`. */
export const LAUNCH_SCALARS: Readonly<Record<string, ScalarType>> = {
  /** N, M, H, G */
  queries: "u32",
  keys: "u32",
  heads_q: "u32",
  heads_kv: "u32",
  /** Rows b·N + t and b·M + u at which the bound windows of queries and keys begin, and element of lse. */
  query_base: "u32",
  key_base: "u32",
  lse_base: "u32",
  /** Workgroups are (batch, tile, head) of these ranges, heads fastest. */
  batch_begin: "u32",
  tile_begin: "u32",
  tile_count: "u32",
  head_begin: "u32",
  head_count: "u32",
  /** Positions, and places, from one row of a tile to the next. */
  row_step: "u32",
  row_pitch: "u32",
  /**
   * Word of `plan` at which the order of (tile, head) pairs begins, and the tiles of a block of it; 0 tiles: as they
   * come.
   */
  order_at: "u32",
  order_tiles: "u32",
  /** Runs have bounds. */
  bounded: "u32",
  /** Continue from what the output holds. */
  accumulate: "u32",
  /**
   * Where `skip_call` is not 0 and word `skip_at` of `plan` holds it, exact kernels will do the launch's work: it is
   * left alone.
   */
  skip_at: "u32",
  skip_call: "u32",
  scale: "f32",
  /** scale · log2(e) */
  scale_log2: "f32",
  /** Bound of scores to base 2; 0: none. */
  softcap: "f32",
  out_scale: "f32",
  threshold: "u32",
  keep_scale: "f32",
  seed_low: "u32",
  seed_high: "u32",
  /** 0x0D120 + 2^16 · stream */
  dropout_domain: "u32",
  /** 2^32 - 1, which the compiler does not know; see `bound` in rolled/tile.wgsl. */
  no_limit: "u32",
};

/** Of the rolled kernels, which may be launched to repair. */
export const ROLLED_SCALARS: Readonly<Record<string, ScalarType>> = {
  /** Where `repair_call` is not 0, the launch is idle unless word `repair_at` of `plan` holds it. */
  repair_at: "u32",
  repair_call: "u32",
  /** Groups of work, and the workgroups of the launch, which take turns at them. */
  tile_groups: "u32",
  turn: "u32",
};

/** Of the backward kernels. */
export const BACKWARD_SCALARS: Readonly<Record<string, ScalarType>> = {
  /** Words of `stats` a row: 1 + number of deltas. */
  stat_words: "u32",
  /** Word of `plan` at which the key mask begins; 0: every key counts. */
  mask_at: "u32",
};
