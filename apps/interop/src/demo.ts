import { openDevice, type Tensor } from "@dilated/core";
import { createLongNetViT, type Image, imagePatches } from "@dilated/models";
import { embedTiles, fromOrt, openEncoder } from "./embed.ts";
import { type TileEncoder, tileEncoderModel, type Weights } from "./onnx-model.ts";
import { openSharedDevice } from "./shared-device.ts";

/** What the two ways of handing over give, and how long they take. */
export interface Comparison {
  readonly adapter: string;
  readonly tiles: number;
  /** Whether both runtimes hold the very same GPUBuffer. */
  readonly sameBuffer: boolean;
  /** Slide embedding, [E], by the shared buffer and through host memory. */
  readonly shared: Float32Array;
  readonly throughHost: Float32Array;
  /** What ONNX Runtime gave for the first tile, and what its formula gives in double precision. */
  readonly firstTile: { readonly onnx: Float32Array; readonly expected: readonly number[] };
  /** Medians of five, from the embeddings on the GPU to the slide embedding on the host. */
  readonly milliseconds: { readonly shared: number; readonly throughHost: number };
}

const TILE = 16;
const [C, F, E] = [3 * TILE * TILE, 64, 64];

/** Pixels -> patches -> ONNX tile encoder -> LongNetViT, all on one device. */
export async function compare(image: Image, runs = 5): Promise<Comparison> {
  const gpuDevice = await openSharedDevice();
  using device = await openDevice({ gpuDevice });
  const weights = randomEncoder();
  const encoder = await openEncoder(tileEncoderModel(weights), gpuDevice);
  const branches = [
    { segment: 64, dilation: 1 },
    { segment: 1024, dilation: 4 },
  ];
  using vit = createLongNetViT(
    device,
    { tileDim: E, dim: 64, layers: 2, heads: 4, branches, tileSize: TILE },
    { seed: 1 },
  );
  const { values, shape, coordinates } = imagePatches(image, TILE);
  using tiles = device.tensor(values, shape, { label: "tiles" });

  const embeddings = await embedTiles(encoder, tiles);
  const readSlide = async (input: Tensor): Promise<Float32Array> => {
    using slide = vit.forward({ tiles: input, coordinates });
    return (await slide.data()) as Float32Array;
  };
  const viaBuffer = async () => {
    using input = fromOrt(device, embeddings);
    return readSlide(input);
  };
  const viaHost = async () => {
    using input = device.tensor((await embeddings.getData()) as Float32Array, [1, ...embeddings.dims]);
    return readSlide(input);
  };
  using view = fromOrt(device, embeddings);
  const result = {
    adapter: device.info.adapter,
    tiles: shape[0],
    sameBuffer: view.gpuBuffer === embeddings.gpuBuffer,
    shared: await viaBuffer(),
    throughHost: await viaHost(),
    firstTile: {
      onnx: ((await view.data()) as Float32Array).slice(0, E),
      expected: expectedEmbedding(weights, values),
    },
    milliseconds: { shared: await median(viaBuffer, runs), throughHost: await median(viaHost, runs) },
  };
  embeddings.dispose();
  await encoder.release();
  return result;
}

/** Fixed weights: the example is about where the numbers lie, not what they say. */
function randomEncoder(): TileEncoder {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const uniform = (reach: number, ...shape: number[]): Weights => ({
    values: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => reach * next()),
    shape,
  });
  return { w1: uniform(C ** -0.5, C, F), b1: uniform(0.1, F), w2: uniform(F ** -0.5, F, E) };
}

/** relu(x W1 + b1) W2 of the first tile. */
function expectedEmbedding({ w1, b1, w2 }: TileEncoder, x: Float32Array): number[] {
  const at = ({ values, shape }: Weights, row: number, column: number) => values[row * (shape[1] ?? 0) + column] ?? 0;
  const sum = (n: number, term: (i: number) => number) =>
    Array.from({ length: n }, (_, i) => term(i)).reduce((a, b) => a + b, 0);
  const hidden = Array.from({ length: F }, (_, f) =>
    Math.max(0, (b1.values[f] ?? 0) + sum(C, (c) => (x[c] ?? 0) * at(w1, c, f))),
  );
  return Array.from({ length: E }, (_, e) => sum(F, (f) => (hidden[f] ?? 0) * at(w2, f, e)));
}

async function median(work: () => Promise<unknown>, runs: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(runs / 2)] ?? Number.NaN;
}
