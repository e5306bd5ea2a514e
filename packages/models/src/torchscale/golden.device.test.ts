import { type Device, treeTensors, valueAndGrad } from "@dilated/core";
import { mul, sum } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GoldenModel, largest, readModels } from "../test-utils/golden.ts";
import { torchscaleConfig } from "./args.ts";
import { torchscaleEntries } from "./entries.ts";
import { toTorchscale } from "./export.ts";
import { fromTorchscale } from "./import.ts";

const longnet = new URL("../../test/fixtures/longnet.safetensors", import.meta.url);
const slides = new URL("../../test/fixtures/longnet_vit.safetensors", import.meta.url);
const TOLERANCE = { atol: 5e-5 };

let device: Device;
let models: ReadonlyMap<string, GoldenModel>;
beforeAll(async () => {
  device = await openTestDevice();
  models = new Map([...(await readModels(longnet)), ...(await readModels(slides))]);
});
afterAll(() => device?.dispose());

const golden = (name: string): GoldenModel => models.get(name) as GoldenModel;
const args = (name: string) => golden(name).config.kw as Record<string, unknown>;

describe.each(["encoder_subln", "encoder_preln_xpos", "encoder_deepnorm"])("torchscale's %s", (name) => {
  it("gives the same output and gradients", async () => {
    const { weights, tensor, has } = golden(name);
    const kind = "longnet-encoder";
    using model = fromTorchscale(device, weights, { kind, config: torchscaleConfig(kind, args(name)) });
    const [input, upstream] = ["input", "grad_output"].map((key) => device.tensor(tensor(key).data, tensor(key).shape));
    if (!input || !upstream) throw new Error("no input");
    using output = model.forward(input);
    expect(await output.data()).toBeAllClose(tensor("output").data, TOLERANCE);
    const { value, grads } = valueAndGrad({ input, parameters: model.parameters }, () =>
      sum(mul(model.forward(input), upstream)),
    );
    const named = torchscaleEntries({ kind, parameters: grads.parameters }).filter((entry) =>
      has(`grads.${entry.name}`),
    );
    expect(named.length).toBeGreaterThanOrEqual(16);
    const all = Math.max(...named.map((entry) => largest(tensor(`grads.${entry.name}`).data)));
    const pairs = [["grad_input", grads.input] as const, ...named.map((e) => [`grads.${e.name}`, e.tensor] as const)];
    for (const [key, actual] of pairs) {
      const expected = tensor(key).data;
      // The gradient of a key's bias is 0: what the file holds is f64 rounding.
      const atol = 2e-4 * Math.max(largest(expected), 1e-3 * all);
      expect(await actual.data(), key).toBeAllClose(expected, { atol });
    }
    for (const one of [input, upstream, value, ...treeTensors(grads)]) one.dispose();
  });
});

it("gives torchscale's decoder_subln_xpos logits and loss", async () => {
  const { weights, tensor } = golden("decoder_subln_xpos");
  const kind = "longnet-decoder";
  using model = fromTorchscale(device, weights, { kind, config: torchscaleConfig(kind, args("decoder_subln_xpos")) });
  const { data, shape } = tensor("tokens");
  const inputs = Array.from(data).filter((_, i) => (i + 1) % (shape[1] ?? 1) !== 0);
  using logits = device.scope(() => model.forward(device.tensor(inputs, [2, 64], { dtype: "i32" })));
  using loss = device.scope(() => model.loss(device.tensor(data, shape, { dtype: "i32" })));
  expect(await logits.data()).toBeAllClose(tensor("logits").data, TOLERANCE);
  expect(await loss.item()).toBeCloseTo(tensor("loss").data[0] as number, 4);
});

describe.each(["longnet_vit", "longnet_vit_pool"])("Prov-GigaPath's %s", (name) => {
  it("gives the same embeddings at every layer, and its weights back", async () => {
    const { weights, tensor, config } = golden(name);
    const rates = config.dilated_ratio as number[];
    using model = fromTorchscale(device, weights, {
      kind: "longnet-vit",
      config: {
        tileDim: 96,
        dim: 64,
        layers: 2,
        heads: 4,
        hidden: 128,
        grid: 32,
        pool: config.pool ? "mean" : "class",
        poolEps: 1e-5,
        branches: (config.segment_length as number[]).map((segment, i) => ({ segment, dilation: rates[i] ?? 1 })),
      },
    });
    using tiles = device.tensor(tensor("tiles").data, tensor("tiles").shape);
    const slide = { tiles, coordinates: tensor("coords").data };
    using output = model.forward(slide);
    expect(await output.data()).toBeAllClose(tensor("output").data, TOLERANCE);
    const layers = model.allLayers(slide);
    const all = await Promise.all(layers.map((layer) => layer.data()));
    expect(all.flatMap((one) => Array.from(one))).toBeAllClose(tensor("all_layers").data, TOLERANCE);
    for (const layer of layers) layer.dispose();
    const back = await toTorchscale(model);
    expect([...back.keys()].sort()).toEqual([...weights.keys()].sort());
    for (const [key, { shape, data }] of weights) {
      expect(back.get(key)?.shape, key).toEqual(shape);
      expect(back.get(key)?.data, key).toEqual(data);
    }
  });
});

it("writes a decoder back as it was read, buffers included", async () => {
  const { weights } = golden("decoder_subln_xpos");
  const kind = "longnet-decoder";
  using model = fromTorchscale(device, weights, { kind, config: torchscaleConfig(kind, args("decoder_subln_xpos")) });
  const back = await toTorchscale(model);
  expect([...back.keys()].sort()).toEqual([...weights.keys()].sort());
  for (const [key, { shape, data }] of weights) {
    expect(back.get(key)?.shape, key).toEqual(shape);
    expect(back.get(key)?.data, key).toBeAllClose(data, { atol: 1e-7 });
  }
});
