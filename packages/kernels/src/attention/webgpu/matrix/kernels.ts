import { defineKernel, type KernelDefinition, philoxWgsl } from "@dilated/core";
import schedule from "../../schedule/dilated/dilated.wgsl";
import type { BackwardScalar } from "../backward.ts";
import dropout from "../dropout.wgsl";
import { LAUNCH_SCALARS, type LaunchScalar } from "../source.ts";
import shared from "./backward.wgsl";
import body from "./backward-body.wgsl";
import forward from "./forward.wgsl";
import tile from "./tile.wgsl";

const features = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"] as GPUFeatureName[];

const source = (body: string): string => [philoxWgsl, dropout, schedule, tile, body].join("\n");

const blocks = { access: "read", view: "blocks", dtype: "f16" } as const;

/** As `attentionForward`, of f16 tensors whose D is a multiple of 16. Constants: those of `MatrixTile`, D, DROPOUT. */
export const matrixForward: KernelDefinition<"plan" | "q" | "k" | "v" | "mask" | "out" | "lse", LaunchScalar> =
  defineKernel({
    name: "attention_forward_matrix",
    tensors: {
      plan: { access: "read", view: "raw" },
      q: blocks,
      k: blocks,
      v: blocks,
      mask: { access: "read", view: "scalar", dtype: "u32", optional: true },
      out: { access: "read_write", view: "blocks", dtype: "f16" },
      lse: { access: "read_write", view: "raw" },
    },
    scalars: LAUNCH_SCALARS,
    wgsl: { source: source(forward), features },
  });

const backwardSource = (key: 0 | 1): string => source(`#let KEY = ${key}\n${shared}\n${body}`);

const operands = {
  plan: { access: "read", view: "raw" },
  q: blocks,
  k: blocks,
  v: blocks,
  dout: blocks,
  stats: { access: "read", view: "raw" },
  /** The largest |dout|, one f32; see `gradient_scale`. */
  amax: { access: "read", view: "raw" },
} as const;

type Operand = "plan" | "q" | "k" | "v" | "dout" | "stats" | "amax";

const gradient = { access: "read_write", view: "blocks", dtype: "f16" } as const;
const scalars = { ...LAUNCH_SCALARS, stat_words: "u32" } as const;

/** As `attentionBackwardQuery`. Constants: those of `MatrixTile`, D, DROPOUT, HAS_MASK, LONE. */
export const matrixBackwardQuery: KernelDefinition<Operand | "dq", BackwardScalar> = defineKernel({
  name: "attention_backward_query_matrix",
  tensors: { ...operands, dq: gradient },
  scalars,
  wgsl: { source: backwardSource(0), features },
});

/** As `attentionBackwardKey`. */
export const matrixBackwardKey: KernelDefinition<Operand | "dk" | "dv", BackwardScalar> = defineKernel({
  name: "attention_backward_key_matrix",
  tensors: { ...operands, dk: gradient, dv: gradient },
  scalars,
  wgsl: { source: backwardSource(1), features },
});

/** By what they do for a row. */
export const matrixKernels: Readonly<Record<"forward" | "query" | "key", KernelDefinition>> = {
  forward: matrixForward as KernelDefinition,
  query: matrixBackwardQuery as KernelDefinition,
  key: matrixBackwardKey as KernelDefinition,
};
