import type { ModelKind } from "../registry.ts";

/** Names of the parts of a layer, ours and torchscale's. */
const LAYER: Readonly<Record<string, string>> = {
  attentionNorm: "self_attn_layer_norm",
  attention: "self_attn",
  crossNorm: "encoder_attn_layer_norm",
  cross: "encoder_attn",
  feedForwardNorm: "final_layer_norm",
  feedForward: "ffn",
};
const ATTENTION: Readonly<Record<string, string>> = {
  query: "q_proj",
  key: "k_proj",
  value: "v_proj",
  innerNorm: "inner_attn_ln",
  output: "out_proj",
};
const FEED_FORWARD: Readonly<Record<string, string>> = {
  up: "fc1",
  gate: "gate",
  innerNorm: "ffn_layernorm",
  down: "fc2",
};
const STACK: Readonly<Record<string, string>> = {
  embedding: "embed_tokens.weight",
  positions: "embed_positions.weight",
  output: "output_projection.weight",
  embeddingNorm: "layernorm_embedding",
  norm: "layer_norm",
};
const VIT: Readonly<Record<string, string>> = {
  patch: "patch_embed.proj",
  classToken: "cls_token",
  gridPositions: "pos_embed",
};

/** Name of one of our parameters in a torchscale or Prov-GigaPath state dict: `layers.0.attention.query.weight` -> `layers.0.self_attn.q_proj.weight`. */
export function torchscaleName(kind: ModelKind, ours: string): string {
  const [head = "", ...rest] = ours.split(".");
  const nested = kind === "longnet" || (kind === "longnet-vit" && head === "encoder");
  if (nested) return [head, stackName(rest)].join(".");
  if (kind === "longnet-vit") return [VIT[head] ?? head, ...rest].join(".");
  return stackName([head, ...rest]);
}

function stackName([head = "", ...rest]: readonly string[]): string {
  if (head !== "layers") return [STACK[head] ?? head, ...rest].join(".");
  const [index = "", part = "", piece = "", ...leaf] = rest;
  const pieces = part === "feedForward" ? FEED_FORWARD : ATTENTION;
  return ["layers", index, LAYER[part] ?? part, pieces[piece] ?? piece, ...leaf].join(".");
}

/** Buffers that torchscale stores and that follow from the configuration: nothing is lost by not reading them. */
export function isDerived(name: string): boolean {
  return /(^|\.)self_attn\.xpos\.scale$/.test(name) || /(^|\.)version$/.test(name);
}

/** First row of a table of learned positions that is used: fairseq keeps two for padding. */
export const POSITION_OFFSET = 2;

/** What a part of LongViT with a head is called without one: its norm behind the pooling. */
export function aliasOf(kind: ModelKind, name: string): string | undefined {
  return kind === "longnet-vit" && name.startsWith("fc_norm.") ? name.slice("fc_".length) : undefined;
}
