import { defineKernel, type KernelDefinition } from "@dilated/core";
import shared from "./backward.wgsl";
import rolledKey from "./backward-key.wgsl";
import rolledQuery from "./backward-query.wgsl";
import { attentionSource, LAUNCH_SCALARS, type LaunchScalar } from "./source.ts";
import tile from "./tile.wgsl";
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

const scalars = { ...LAUNCH_SCALARS, stat_words: "u32" } as const;

type BackwardQuery = KernelDefinition<Operand | "dq", BackwardScalar>;
type BackwardKey = KernelDefinition<Operand | "dk" | "dv", BackwardScalar>;

const backwardQuery = (name: string, source: string): BackwardQuery =>
  defineKernel({
    name,
    tensors: { ...operands, dq: { access: "read_write", view: "vec4" } },
    scalars,
    wgsl: { source },
  });

const backwardKey = (name: string, source: string): BackwardKey =>
  defineKernel({
    name,
    tensors: { ...operands, dk: { access: "read_write", view: "vec4" }, dv: { access: "read_write", view: "vec4" } },
    scalars,
    wgsl: { source },
  });

/** dq [B, N, H, D]; stats as `attentionRowStats` leaves them. With `carry`, adds. Constants those of `Tile`, D, DROPOUT, HAS_MASK. */
export const attentionBackwardQuery: BackwardQuery = backwardQuery(
  "attention_backward_query",
  attentionSource(unrolledTile, shared, unrolledShared, unrolledQuery),
);

/** dk, dv [B, N, G, D]: tiles of keys, over all query heads of their group. With `carry`, adds. Constants as above. */
export const attentionBackwardKey: BackwardKey = backwardKey(
  "attention_backward_key",
  attentionSource(unrolledTile, shared, unrolledShared, unrolledKey),
);

/** The same for software adapters. Constants D, DROPOUT, HAS_MASK. */
export const attentionBackwardQueryRolled: BackwardQuery = backwardQuery(
  "attention_backward_query_rolled",
  attentionSource(tile, shared, rolledQuery),
);

export const attentionBackwardKeyRolled: BackwardKey = backwardKey(
  "attention_backward_key_rolled",
  attentionSource(tile, shared, rolledKey),
);
