import { defineKernel, type KernelDefinition } from "@dilated/core";
import body from "./forward.wgsl";
import { attentionSource, LAUNCH_SCALARS, type LaunchScalar } from "./source.ts";

/**
 * out [B, N, H, D] and lse [B, H, N] of all branches of one launch together; with `carry`, merged into what they hold.
 * q [B, N, H, D]; k, v [B, N, G, D]; mask [B, N]; constants D, TY, DROPOUT.
 */
export const attentionForward: KernelDefinition<"plan" | "q" | "k" | "v" | "mask" | "out" | "lse", LaunchScalar> =
  defineKernel({
    name: "attention_forward",
    tensors: {
      plan: { access: "read", view: "raw" },
      q: { access: "read", view: "vec4" },
      k: { access: "read", view: "vec4" },
      v: { access: "read", view: "vec4" },
      mask: { access: "read", view: "scalar", dtype: "u32", optional: true },
      out: { access: "read_write", view: "vec4" },
      lse: { access: "read_write", view: "raw" },
    },
    scalars: LAUNCH_SCALARS,
    wgsl: { source: attentionSource(body) },
  });
