import { type Device, type SafeTensor, sizeOf } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Slides } from "../longnet-vit/model.ts";
import { readPth } from "../pth/read.ts";
import { loadFile } from "../test-utils/golden.ts";
import { fromTorchscale } from "./import.ts";
import { resizePositions } from "./resize.ts";

// A checkpoint of torchscale's own LongViT with a classifier's head (patches of 4 pixels, 8 x 8 places, 2 layers), saved by PyTorch 1.13 after its float64
// forward pass (attention by an einsum in flash-attention's place): under `golden`, two images [1, 3, height, width] and what fc_norm gave.
const url = new URL("../../test/fixtures/pth/longvit.pth", import.meta.url);
const PATCH = 4;
const config = {
  tileDim: 3 * PATCH ** 2,
  tileSize: PATCH,
  gridPosition: "learned",
  classToken: false,
  dim: 16,
  layers: 2,
  heads: 4,
  finalNorm: false,
  poolEps: 1e-5,
  branches: [16, 32, 64].map((segment, i) => ({ segment, dilation: 2 ** i })),
} as const;

let device: Device;
let golden: ReadonlyMap<string, SafeTensor>;
let weights: Map<string, SafeTensor>;
beforeAll(async () => {
  device = await openTestDevice();
  const bytes = await loadFile(url);
  golden = readPth(bytes, { key: "golden" }).tensors;
  const { tensors, metadata } = readPth(bytes);
  weights = tensors;
  expect(metadata).toMatchObject({ epoch: 3, args: { patch_size: 4, task: "tcga_subtyping" } });
});
afterAll(() => device?.dispose());

it("gives LongViT's embedding", async () => {
  using model = fromTorchscale(device, weights, {
    kind: "longnet-vit",
    config: { ...config, grid: 8 },
    unexpected: "ignore",
  });
  using output = model.forward(slideOf("square"));
  expect(await output.data()).toBeAllClose(golden.get("square_embedding")?.data ?? [], { atol: 5e-5 });
});

it("gives LongViT's embedding of an image of another size, its places resized as LongViT does", async () => {
  const [rows, columns] = [6, 10];
  const places = weights.get("model.pos_embed")?.data ?? [];
  const scale = [(rows + 0.1) / 8, (columns + 0.1) / 8] as const;
  const table = new Float32Array(columns * columns * config.dim);
  table.set(resizePositions(places, { from: [8, 8], to: [rows, columns], scale }));
  const state = new Map<string, { shape: readonly number[]; data: ArrayLike<number> }>(weights);
  state.set("model.pos_embed", { shape: [1, columns * columns, config.dim], data: table });
  using model = fromTorchscale(device, state, {
    kind: "longnet-vit",
    config: { ...config, grid: columns },
    unexpected: "ignore",
  });
  using output = model.forward(slideOf("wide"));
  expect(await output.data()).toBeAllClose(golden.get("wide_embedding")?.data ?? [], { atol: 5e-5 });
});

/** Patches of an image [1, 3, height, width], row by row. */
function slideOf(name: string): Slides {
  const { data, shape } = golden.get(name) as SafeTensor;
  const [, channels = 0, height = 0, width = 0] = shape;
  const [rows, columns] = [height / PATCH, width / PATCH];
  const tiles = new Float32Array(sizeOf(shape));
  const coordinates: number[] = [];
  let next = 0;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      coordinates.push(column * PATCH, row * PATCH);
      for (let channel = 0; channel < channels; channel++)
        for (let y = 0; y < PATCH; y++)
          for (let x = 0; x < PATCH; x++)
            tiles[next++] = data[(channel * height + row * PATCH + y) * width + column * PATCH + x] as number;
    }
  return { tiles: device.tensor(tiles, [1, rows * columns, config.tileDim]), coordinates };
}
