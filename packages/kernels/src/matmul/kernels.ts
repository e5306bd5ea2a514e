import { defineKernel, type KernelDefinition } from "@dilated/core";
import { kernelsModule } from "../wasm/module.ts";
import accessScalar from "./access-scalar.wgsl";
import accessVec4 from "./access-vec4.wgsl";
import direct from "./direct.wgsl";
import tile from "./tile.wgsl";

export type MatmulTensors = "a" | "b" | "c" | "bias";

/** Words of `assembly/gemm.ts` first, in its order; `splits` and `chunk` are WGSL's own. */
export type MatmulScalars =
  | "batch" | "m" | "n" | "k"
  | "trans_a" | "trans_b"
  | "lda" | "ldb" | "ldc"
  | "stride_a" | "stride_b" | "stride_c"
  | "tile_m" | "tile_n"
  | "alpha" | "beta"
  | "first_a" | "first_c" | "splits" | "chunk"; // biome-ignore format: one line a kind

const matmulKernel = (view: "vec4" | "scalar", body: MatmulBody): KernelDefinition<MatmulTensors, MatmulScalars> =>
  defineKernel({
    name: `matmul.${body}.${view}`,
    tensors: {
      a: { access: "read", view },
      b: { access: "read", view },
      c: { access: "read_write", view },
      bias: { access: "read", view, optional: true },
    },
    scalars: {
      batch: "u32",
      m: "u32",
      n: "u32",
      k: "u32",
      trans_a: "u32",
      trans_b: "u32",
      lda: "u32",
      ldb: "u32",
      ldc: "u32",
      stride_a: "u32",
      stride_b: "u32",
      stride_c: "u32",
      tile_m: "u32",
      tile_n: "u32",
      alpha: "f32",
      beta: "f32",
      first_a: "u32",
      first_c: "u32",
      splits: "u32",
      chunk: "u32",
    },
    wgsl: { source: (view === "vec4" ? accessVec4 : accessScalar) + (body === "tile" ? tile : direct) },
    wasm: { module: kernelsModule, entry: "matmulF32" },
  });

/** How the WGSL body works: staged in workgroup memory, or straight from the operands. */
export type MatmulBody = "tile" | "direct";

type Views = Readonly<Record<"vec4" | "scalar", KernelDefinition<MatmulTensors, MatmulScalars>>>;

/** `vec4` where all inner axes are multiples of four, `scalar` (f32 result) for the rest. */
export const matmulKernels: Readonly<Record<MatmulBody, Views>> = {
  tile: { vec4: matmulKernel("vec4", "tile"), scalar: matmulKernel("scalar", "tile") },
  direct: { vec4: matmulKernel("vec4", "direct"), scalar: matmulKernel("scalar", "direct") },
};
