import { defineKernel, type KernelDefinition } from "@dilated/core";
import reductions from "../shared/rows.wgsl";
import { kernelsModule } from "../wasm/module.ts";
import appendBody from "./append.wgsl";
import attendBody from "./attend.wgsl";
import combineBody from "./combine.wgsl";

const quads = { access: "read", view: "vec4" } as const;
const stored = { access: "read_write", view: "vec4" } as const;
const words = { access: "read", view: "raw", dtype: "u32" } as const;
const positions = { access: "read", view: "scalar", dtype: "i32" } as const;
const decay = { access: "read", view: "scalar", dtype: "f32", optional: true } as const;

/** Rows [row_begin, row_end) of the cache [B·rows, D] are bound; WebAssembly binds all. */
const bound = { row_begin: "u32", row_end: "u32" } as const;
type Bound = keyof typeof bound;

/** Copies the rows of k and v [B, N, G, D] that somebody will still see to their places in the cache. */
export const appendKernel: KernelDefinition<
  "k" | "v" | "positions" | "plan" | "decay" | "keys" | "values",
  | "quads"
  | "columns"
  | "new_rows"
  | "streams"
  | "rows"
  | "tokens"
  | "kv_heads"
  | "first_row"
  | "block"
  | "half_floats"
  | "token_begin"
  | Bound
> = defineKernel({
  name: "decode_append",
  tensors: { k: quads, v: quads, positions, plan: words, decay, keys: stored, values: stored },
  scalars: {
    quads: "u32",
    columns: "u32",
    new_rows: "u32",
    streams: "u32",
    rows: "u32",
    tokens: "u32",
    kv_heads: "u32",
    first_row: "u32",
    block: "u32",
    half_floats: "u32",
    ...bound,
    token_begin: "u32",
  },
  wgsl: { source: appendBody },
  wasm: { module: kernelsModule, entry: "decodeAppend" },
});

/** One query a head over its streams. With `stats` the keys are split over workgroups: `out` and `stats` then hold parts for {@link combineKernel}. */
export const attendKernel: KernelDefinition<
  "q" | "keys" | "values" | "positions" | "plan" | "decay" | "out" | "stats",
  | "heads"
  | "branches"
  | "streams"
  | "rows"
  | "splits"
  | "columns"
  | "block"
  | "scale"
  | "out_scale"
  | "half_floats"
  | Bound
> = defineKernel({
  name: "decode_attend",
  tensors: {
    q: quads,
    keys: quads,
    values: quads,
    positions,
    plan: words,
    decay,
    out: { access: "write", view: "vec4" },
    stats: { access: "write", view: "scalar", dtype: "f32", optional: true },
  },
  scalars: {
    heads: "u32",
    branches: "u32",
    streams: "u32",
    rows: "u32",
    splits: "u32",
    columns: "u32",
    block: "u32",
    scale: "f32",
    out_scale: "f32",
    half_floats: "u32",
    ...bound,
  },
  wgsl: { source: `${reductions}\n${attendBody}` },
  wasm: { module: kernelsModule, entry: "decodeAttend" },
});

/** Joins the parts of each head. */
export const combineKernel: KernelDefinition<"parts" | "stats" | "out", "quads" | "columns" | "splits" | "out_scale"> =
  defineKernel({
    name: "decode_combine",
    tensors: {
      parts: { access: "read", view: "vec4" },
      stats: { access: "read", view: "scalar", dtype: "f32" },
      out: { access: "write", view: "vec4" },
    },
    scalars: { quads: "u32", columns: "u32", splits: "u32", out_scale: "f32" },
    wgsl: { source: combineBody },
  });
