import { checkCall, type TensorToWrite } from "@dilated/core";
import { snapshotOf } from "../checkpoint/snapshot.ts";
import { MODEL, type Model } from "../registry.ts";
import type { StackConfig } from "../stack/config.ts";
import { torchscaleEntries } from "./entries.ts";
import { isTied } from "./tied.ts";

/**
 * The weights of a model as a torchscale or Prov-GigaPath state dict, names and buffers included; `writeSafetensors` makes a file of it. Reads every
 * weight, as it is at the call: training may go on.
 */
export async function toTorchscale(model: Model): Promise<Map<string, TensorToWrite>> {
  checkCall("toTorchscale", { model: MODEL }, arguments);
  const state = new Map<string, TensorToWrite>();
  const entries = torchscaleEntries(model);
  const copies = snapshotOf(entries.map(({ name, tensor }) => [name, tensor]));
  try {
    for (const [i, { name, tensor, skip }] of entries.entries()) {
      const values = (await copies.entries[i]?.[1].data()) as Float32Array;
      const width = tensor.shape.at(-1) ?? 1;
      const data = skip === 0 ? values : new Float32Array(values.length + skip * width);
      if (skip > 0) data.set(values, skip * width);
      const [rows = 0, ...rest] = tensor.shape;
      state.set(name, { dtype: "f32", shape: shapeOf(model, name, [rows + skip, ...rest]), data });
    }
  } finally {
    copies.dispose();
  }
  for (const [prefix, config] of stacks(model)) addXposBuffers(state, prefix, config);
  const prefix = model.kind === "longnet" ? "decoder." : "";
  const embedding = state.get(`${prefix}embed_tokens.weight`);
  if (isTied(model) && embedding) state.set(`${prefix}output_projection.weight`, embedding);
  return state;
}

/** LongViT stores its patch projection as a convolution, and places with an axis of one sample in front. */
function shapeOf(model: Model, name: string, shape: readonly number[]): readonly number[] {
  if (model.kind !== "longnet-vit" || model.config.gridPosition !== "learned") return shape;
  const { tileDim, tileSize } = model.config;
  const channels = tileDim / tileSize ** 2;
  if (name === "pos_embed") return [1, ...shape];
  return name === "patch_embed.proj.weight" && Number.isInteger(channels)
    ? [shape[0] ?? 0, channels, tileSize, tileSize]
    : shape;
}

function stacks(model: Model): (readonly [string, StackConfig])[] {
  if (model.kind !== "longnet") return [[model.kind === "longnet-vit" ? "encoder." : "", model.config]];
  return [
    ["encoder.", model.config.encoder],
    ["decoder.", model.config.decoder],
  ];
}

/** torchscale's XPOS keeps (2j + 0.4 D) / (1.4 D) as a buffer of each layer. */
function addXposBuffers(state: Map<string, TensorToWrite>, prefix: string, config: StackConfig): void {
  if (config.position !== "xpos") return;
  const D = config.dim / config.heads;
  const data = Float32Array.from({ length: D / 2 }, (_, j) => (2 * j + 0.4 * D) / (1.4 * D));
  for (let i = 0; i < config.layers; i++) {
    state.set(`${prefix}layers.${i}.self_attn.xpos.scale`, { dtype: "f32", shape: [D / 2], data });
  }
}
