import { type DType, defineKernel, type KernelDefinition, type TensorView } from "@dilated/core";
import { kernelsModule } from "../wasm/module.ts";
import gather from "./gather.wgsl";
import scatter from "./scatter.wgsl";

type GatherKernel = KernelDefinition<
  "table" | "ids" | "y",
  "quads" | "columns" | "first_row" | "rows" | "vocab" | "row_bytes" | "missing"
>;
type ScatterKernel = KernelDefinition<
  "grad" | "ids" | "sums",
  "first_row" | "rows" | "block" | "tokens" | "chunk" | "columns" | "accumulate" | "width"
>;

/** Rows of four channels a column, or of one where their width is no multiple of four. */
export type Columns = "quad" | "single";
const VIEWS: Readonly<Record<Columns, TensorView>> = { quad: "vec4", single: "scalar" };
const SUFFIX: Readonly<Record<Columns, string>> = { quad: "", single: "_any" };

/** What a column is in WGSL, by dtype. */
const VALUES = { quad: { f32: "vec4f", i32: "vec4i", u32: "vec4u" }, single: { f32: "f32", i32: "i32", u32: "u32" } };

export const gatherKernels: Readonly<Record<Columns, Readonly<Record<DType, GatherKernel>>>> = {
  quad: gathersOf("quad"),
  single: gathersOf("single"),
};

function gathersOf(columns: Columns): Readonly<Record<DType, GatherKernel>> {
  const float = gatherKernel(columns, "f32", "params.missing");
  return {
    f32: float,
    f16: float,
    i32: gatherKernel(columns, "i32", "-1"),
    u32: gatherKernel(columns, "u32", "0xffffffffu"),
  };
}

function gatherKernel(columns: Columns, dtype: "f32" | "i32" | "u32", missing: string): GatherKernel {
  const value = VALUES[columns][dtype];
  const only = dtype === "f32" ? {} : { dtype };
  return defineKernel({
    name: `embeddingGather${SUFFIX[columns]}${dtype === "f32" ? "" : `_${dtype}`}`,
    tensors: {
      table: { access: "read", view: VIEWS[columns], ...only },
      ids: { access: "read", view: "scalar" },
      y: { access: "write", view: VIEWS[columns], ...only },
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
    wgsl: { source: `fn missing() -> ${value} { return ${value}(${missing}); }\n${gather}` },
    wasm: { module: kernelsModule, entry: "embeddingGather" },
  });
}

export const scatterKernels: Readonly<Record<Columns, ScatterKernel>> = {
  quad: scatterKernel("quad"),
  single: scatterKernel("single"),
};

function scatterKernel(columns: Columns): ScatterKernel {
  return defineKernel({
    name: `embeddingScatter${SUFFIX[columns]}`,
    tensors: {
      grad: { access: "read", view: VIEWS[columns] },
      ids: { access: "read", view: "vec4" },
      sums: { access: "read_write", view: VIEWS[columns] },
    },
    scalars: {
      first_row: "u32",
      rows: "u32",
      block: "u32",
      tokens: "u32",
      chunk: "u32",
      columns: "u32",
      accumulate: "u32",
      width: "u32",
    },
    wgsl: { source: `alias Value = ${VALUES[columns].f32};\n${scatter}` },
    wasm: { module: kernelsModule, entry: "embeddingScatter" },
  });
}
