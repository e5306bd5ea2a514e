import { defineKernel, type KernelDefinition, type ScalarType } from "@dilated/core";
import shared from "./backward.wgsl";
import rolledKey from "./rolled/backward-key.wgsl";
import rolledQuery from "./rolled/backward-query.wgsl";
import notFinite from "./rolled/not-finite.wgsl";
import tile from "./rolled/tile.wgsl";
import { attentionSource, LAUNCH_SCALARS, type LaunchScalar, ROLLED_SCALARS, type RolledScalar } from "./source.ts";
import unrolledShared from "./unrolled/backward.wgsl";
import unrolledKey from "./unrolled/backward-key.wgsl";
import unrolledQuery from "./unrolled/backward-query.wgsl";
import unrolledTile from "./unrolled/tile.wgsl";

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

const scalars: Readonly<Record<BackwardScalar, ScalarType>> = { ...LAUNCH_SCALARS, stat_words: "u32" };
const rolledScalars: Readonly<Record<BackwardScalar | RolledScalar, ScalarType>> = { ...scalars, ...ROLLED_SCALARS };

type BackwardQuery<P extends string = BackwardScalar> = KernelDefinition<Operand | "dq", P>;
type BackwardKey<P extends string = BackwardScalar> = KernelDefinition<Operand | "dk" | "dv", P>;

const backwardQuery = <P extends string>(
  name: string,
  scalars: Readonly<Record<P, ScalarType>>,
  source: string,
): BackwardQuery<P> =>
  defineKernel({
    name,
    tensors: { ...operands, dq: { access: "read_write", view: "vec4" } },
    scalars,
    wgsl: { source },
  });

const backwardKey = <P extends string>(
  name: string,
  scalars: Readonly<Record<P, ScalarType>>,
  source: string,
): BackwardKey<P> =>
  defineKernel({
    name,
    tensors: { ...operands, dk: { access: "read_write", view: "vec4" }, dv: { access: "read_write", view: "vec4" } },
    scalars,
    wgsl: { source },
  });

/** dq [B, N, H, D]; stats as `attentionRowStats` leaves them. With `carry`, adds. Constants those of `Tile`, D, DROPOUT, HAS_MASK. */
export const attentionBackwardQuery: BackwardQuery = backwardQuery(
  "attention_backward_query",
  scalars,
  attentionSource(unrolledTile, shared, unrolledShared, unrolledQuery),
);

/** dk, dv [B, N, G, D]: tiles of keys, over all query heads of their group. With `carry`, adds. Constants as above. */
export const attentionBackwardKey: BackwardKey = backwardKey(
  "attention_backward_key",
  scalars,
  attentionSource(unrolledTile, shared, unrolledShared, unrolledKey),
);

/** The same for software adapters, and where something is not finite. Constants D, DROPOUT, HAS_MASK. */
export const attentionBackwardQueryRolled: BackwardQuery<BackwardScalar | RolledScalar> = backwardQuery(
  "attention_backward_query_rolled",
  rolledScalars,
  attentionSource(notFinite, tile, shared, rolledQuery),
);

export const attentionBackwardKeyRolled: BackwardKey<BackwardScalar | RolledScalar> = backwardKey(
  "attention_backward_key_rolled",
  rolledScalars,
  attentionSource(notFinite, tile, shared, rolledKey),
);
