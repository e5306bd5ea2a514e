import { defineKernel, type KernelDefinition, type ScalarType } from "@dilated/core";
import rolled from "./rolled/forward.wgsl";
import notFinite from "./rolled/not-finite.wgsl";
import tile from "./rolled/tile.wgsl";
import { attentionSource, LAUNCH_SCALARS, type LaunchScalar, ROLLED_SCALARS, type RolledScalar } from "./source.ts";
import unrolled from "./unrolled/forward.wgsl";
import unrolledTile from "./unrolled/tile.wgsl";

type Forward<P extends string = LaunchScalar> = KernelDefinition<"plan" | "q" | "k" | "v" | "mask" | "out" | "lse", P>;

const forward = <P extends string>(
  name: string,
  scalars: Readonly<Record<P, ScalarType>>,
  source: string,
): Forward<P> =>
  defineKernel({
    name,
    tensors: {
      plan: { access: "read", view: "raw" },
      q: { access: "read", view: "vec4" },
      k: { access: "read", view: "vec4" },
      v: { access: "read", view: "vec4" },
      mask: { access: "read", view: "scalar", dtype: "u32", optional: true },
      out: { access: "read_write", view: "vec4" },
      lse: { access: "read_write", view: "raw" },
    },
    scalars,
    wgsl: { source },
  });

/**
 * out [B, N, H, D] and lse [B, H, N] of all branches of one launch together; with `carry`, merged into what they hold.
 * q [B, N, H, D]; k, v [B, N, G, D]; mask [B, N]; constants those of `Tile`, D, DROPOUT.
 */
export const attentionForward: Forward = forward(
  "attention_forward",
  LAUNCH_SCALARS,
  attentionSource(unrolledTile, unrolled),
);

/** The same for software adapters, which would compile the other for minutes, and where something is not finite, which the other is not made for. Constants D, DROPOUT. */
export const attentionForwardRolled: Forward<RolledScalar> = forward(
  "attention_forward_rolled",
  ROLLED_SCALARS,
  attentionSource(notFinite, tile, rolled),
);
