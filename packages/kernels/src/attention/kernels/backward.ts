import { defineKernel, type KernelDefinition } from "@dilated/core";
import shared from "./backward.wgsl";
import keyBody from "./backward-key.wgsl";
import queryBody from "./backward-query.wgsl";
import { attentionSource, LAUNCH_SCALARS, type LaunchScalar } from "./source.ts";

const operands = {
  plan: { access: "read", view: "raw" },
  q: { access: "read", view: "vec4" },
  k: { access: "read", view: "vec4" },
  v: { access: "read", view: "vec4" },
  dout: { access: "read", view: "vec4" },
  stats: { access: "read", view: "raw" },
} as const;

type Operand = keyof typeof operands;

/** Scalars of the backward kernels: words of `stats` a row, 2 + number of deltas. */
export type BackwardScalar = LaunchScalar | "stat_words";

const scalars = { ...LAUNCH_SCALARS, stat_words: "u32" } as const;

/** dq [B, N, H, D]; stats as `attentionRowStats` leaves them. With `carry`, adds. Constants D, TY, DROPOUT, HAS_MASK. */
export const attentionBackwardQuery: KernelDefinition<Operand | "dq", BackwardScalar> = defineKernel({
  name: "attention_backward_query",
  tensors: { ...operands, dq: { access: "read_write", view: "vec4" } },
  scalars,
  wgsl: { source: attentionSource(`${shared}\n${queryBody}`) },
});

/** dk, dv [B, N, G, D]: tiles of keys, over all query heads of their group. With `carry`, adds. Constants as above. */
export const attentionBackwardKey: KernelDefinition<Operand | "dk" | "dv", BackwardScalar> = defineKernel({
  name: "attention_backward_key",
  tensors: { ...operands, dk: { access: "read_write", view: "vec4" }, dv: { access: "read_write", view: "vec4" } },
  scalars,
  wgsl: { source: attentionSource(`${shared}\n${keyBody}`) },
});
