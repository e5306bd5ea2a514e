import type { Device } from "@dilated/core";
import { fromTorchscale, type LongNetViT } from "@dilated/models";
import { type Comparison, maxError } from "./compare.ts";
import { type GoldenCase, stateOf, tensorOf } from "./golden.ts";
import { compareOutput, MODEL_TOLERANCE } from "./longnet-case.ts";

/** Runs a `longnet-vit` case: the embedding, and that of every layer. */
export async function compareViT(device: Device, golden: GoldenCase): Promise<Comparison[]> {
  const { in_chans, dim, depth, heads, ffn, ngrids, pool, segment_length, dilated_ratio } =
    golden.config as unknown as ViTCase;
  using model: LongNetViT = fromTorchscale(device, stateOf(golden), {
    kind: "longnet-vit",
    config: {
      tileDim: in_chans,
      dim,
      layers: depth,
      heads,
      hidden: ffn,
      grid: ngrids,
      pool: pool ? "mean" : "class",
      poolEps: 1e-5, // PyTorch's default, which the goldens were made with; the published entry points have 1e-6
      branches: segment_length.map((segment, i) => ({ segment, dilation: dilated_ratio[i] ?? 0 })),
    },
  });
  const { data, shape } = tensorOf(golden, "tiles");
  using tiles = device.tensor(data, shape, { label: "tiles" });
  const slides = { tiles, coordinates: tensorOf(golden, "coords").data };
  using output = model.forward(slides);
  const states = model.allLayers(slides);
  const all: number[] = [];
  for (const state of states) {
    all.push(...(await state.data()));
    state.dispose();
  }
  const error = maxError(all, tensorOf(golden, "all_layers").data);
  return [
    await compareOutput(golden, "output", output),
    { name: golden.name, tensor: "all_layers", error, pass: error <= MODEL_TOLERANCE },
  ];
}

interface ViTCase {
  readonly in_chans: number;
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  readonly ffn: number;
  readonly ngrids: number;
  readonly pool: boolean;
  readonly segment_length: readonly number[];
  readonly dilated_ratio: readonly number[];
}
