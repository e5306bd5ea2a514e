import { ConfigError, type Device, LimitError, ShapeError, treeTensors, valueAndGrad } from "@dilated/core";
import { crossEntropy, mean, square } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { classify, embed, initHead, poolTokens } from "../heads/heads.ts";
import { Initializer } from "../layers/parameters.ts";
import { slopeRatio, take } from "../test-utils/arrays.ts";
import { type LongNetViTOptions, resolveLongNetViT, slideBranches } from "./config.ts";
import { addGridPositions } from "./grid.ts";
import { createLongNetViT } from "./model.ts";
import { imagePatches } from "./patches.ts";

const options: LongNetViTOptions = {
  tileDim: 12,
  dim: 16,
  layers: 2,
  heads: 2,
  grid: 8,
  branches: [
    { segment: 8, dilation: 1 },
    { segment: 24, dilation: 2 },
  ],
};

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

const coordinates = (L: number) => Float32Array.from({ length: 2 * L }, (_, i) => ((i * 7) % 8) * 256 + 13);

it("places are sines and cosines of row, then of column", async () => {
  using x = device.zeros([1, 2, 16]);
  const config = { grid: 8, tileSize: 256, gridPosition: "sincos" } as const;
  const got = await take(addGridPositions(x, [3 * 256, 5 * 256, 7 * 256 + 255, 0], config));
  const half = (p: number) => [0, 1, 2, 3].map((j) => p * 10_000 ** (-j / 4));
  const place = (px: number, py: number) =>
    [py, px].flatMap((p) => [...half(p).map(Math.sin), ...half(p).map(Math.cos)]);
  expect(got).toBeAllClose([...place(3, 5), ...place(7, 0)], { atol: 1e-5 });
});

describe.each([
  { ...options },
  { ...options, pool: "mean" },
  { ...options, classToken: false, gridPosition: "learned", finalNorm: false },
] as LongNetViTOptions[])("%o", (config) => {
  it("has the gradient of what it gives", async () => {
    using model = createLongNetViT(device, config, { seed: 1 });
    using tiles = device.randomNormal([2, 15, 12], { seed: 2 });
    const slides = { tiles, coordinates: coordinates(30) };
    const head = initHead(new Initializer(device, 3), { dim: 16, out: 3 });
    using labels = device.tensor([2, 0], [2], { dtype: "i32" });
    const parameters = { vit: model.parameters, head };
    const loss = () => crossEntropy(classify(model.forward(slides), head), labels);
    const { value, grads } = valueAndGrad(parameters, loss);
    const measured = async () => (await take(device.scope(loss)))[0] ?? Number.NaN;
    expect(Math.abs((await slopeRatio(parameters, grads, measured, 1e-3)) - 1)).toBeLessThan(1e-2);
    for (const tensor of [value, ...treeTensors(grads)]) tensor.dispose();
    const states = model.tileStates(slides);
    expect(states.shape).toEqual([2, 15, 16]);
    states.dispose();
  });
});

it("embeddings have length 1, and pooling heeds the mask", async () => {
  const head = initHead(new Initializer(device, 3), { dim: 4, out: 6, norm: false });
  using x = device.randomNormal([3, 5, 4], { seed: 1 });
  const vectors = await take(device.scope(() => embed(poolTokens(x), head)));
  for (let b = 0; b < 3; b++) {
    expect(vectors.slice(6 * b, 6 * b + 6).reduce((sum, v) => sum + v * v, 0)).toBeCloseTo(1, 4);
  }
  const data = await x.data();
  const mask = Array.from({ length: 15 }, (_, i) => i % 5 < 2);
  const pooled = await take(poolTokens(x, mask));
  const wanted = Array.from({ length: 12 }, (_, i) => {
    const row = Math.floor(i / 4) * 20 + (i % 4);
    return ((data[row] ?? 0) + (data[row + 4] ?? 0)) / 2;
  });
  expect(pooled).toBeAllClose(wanted, { atol: 1e-6 });
  expect(() => poolTokens(x, new Array(15).fill(0))).toThrow(/sample 0 has no token/);
  expect(() => poolTokens(x, [1])).toThrow(ShapeError);
  expect(() => initHead(new Initializer(device, 1), { dim: 4, out: 0 })).toThrow(ConfigError);
});

it.each([{}, { pool: "mean" }, { classToken: false, gridPosition: "learned" }] as const)(
  "tiles that are masked change nothing, with %o",
  async (changes) => {
    using model = createLongNetViT(device, { ...options, ...changes }, { seed: 1 });
    const [L, filled] = [9, 12];
    const values = Float32Array.from({ length: filled * 12 }, (_, i) => (i < L * 12 ? Math.sin(i) : 99));
    const slides = (count: number) => ({
      tiles: device.tensor(values.subarray(0, count * 12), [1, count, 12]),
      coordinates: coordinates(count),
    });
    const alone = await take(device.scope(() => model.forward(slides(L))));
    const mask = Array.from({ length: filled }, (_, t) => Number(t < L));
    const padded = await take(device.scope(() => model.forward(slides(filled), { keyMask: mask })));
    expect(padded).toBeAllClose(alone, { atol: 1e-5 });
    using onDevice = device.tensor(mask, [1, filled], { dtype: "u32" });
    const again = await take(device.scope(() => model.forward(slides(filled), { keyMask: onDevice })));
    expect(again).toBeAllClose(padded, { atol: 1e-6 });
    const call = (given: object) => () => device.scope(() => void model.forward(slides(filled), given));
    expect(call({ keyMask: [1, ...mask] })).toThrow(/\[1, 12\]/);
    expect(call({ cuSeqlens: [0, 9, 12] })).toThrow(/not packed/);
  },
);

it("cuts images into patches channel by channel", () => {
  const data = Array.from({ length: 4 * 5 * 4 }, (_, i) => i);
  const { values, shape, coordinates: corners } = imagePatches({ data, width: 5, height: 4 }, 2);
  expect(shape).toEqual([4, 12]);
  expect(corners).toEqual(Float32Array.of(0, 0, 2, 0, 0, 2, 2, 2));
  const pixel = (x: number, y: number, c: number) => (4 * (5 * y + x) + c) / 127.5 - 1;
  expect(values[12]).toBeCloseTo(pixel(2, 0, 0), 6);
  expect(values[12 + 3]).toBeCloseTo(pixel(3, 1, 0), 6);
  expect(values[36 + 8]).toBeCloseTo(pixel(2, 2, 2), 6);
  expect(() => imagePatches({ data, width: 5, height: 4 }, 8)).toThrow(ShapeError);
});

it("GigaPath's ladder", () => {
  expect(slideBranches().map(({ segment }) => segment)).toEqual([1024, 5792, 32_768, 185_363, 1_048_576]);
});

it("refuses tiles outside the grid, missing coordinates, other widths and contradictions", () => {
  using model = createLongNetViT(device, options);
  const run = (L: number, at: ArrayLike<number>, width = 12) =>
    device.scope(() => mean(square(model.forward({ tiles: device.zeros([1, L, width]), coordinates: at }))));
  expect(() => run(1, [8 * 256, 0])).toThrow(LimitError);
  expect(() => run(1, [0, -1])).toThrow(/tile 0 lies outside/);
  expect(() => run(1, [0, Number.NaN])).toThrow(LimitError);
  expect(() => run(2, [0, 0])).toThrow(ShapeError);
  expect(() => run(1, [0, 0], 16)).toThrow(/tiles must be \[B, L, 12\]/);
  expect(() => resolveLongNetViT({ ...options, classToken: false, pool: "class" })).toThrow(/pool: "class"/);
  expect(() => resolveLongNetViT({ ...options, dim: 24, heads: 2, tileDim: 0 })).toThrow(/tileDim: 0/);
});
