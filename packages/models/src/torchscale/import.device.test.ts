import { type Device, FormatError } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createModel } from "../factory.ts";
import type { ModelKind, OptionsByKind } from "../registry.ts";
import { toTorchscale } from "./export.ts";
import { fromTorchscale, importTorchscale } from "./import.ts";
import { resizePositions } from "./resize.ts";
import type { StateTensor } from "./state.ts";

const stack = { dim: 16, layers: 2, heads: 2, branches: [{ segment: 8, dilation: 1 }] };
const options = {
  "longnet-encoder": { ...stack, vocab: 9, output: "tied", position: "learned", maxPositions: 12, embeddingNorm: true },
  "longnet-decoder": { ...stack, vocab: 9, tied: false, norm: "deep" },
  "longnet-lm": { ...stack, vocab: 9 },
  longnet: { encoder: { ...stack, norm: "pre" }, decoder: { ...stack, vocab: 9, position: "xpos" } },
  "longnet-vit": { ...stack, tileDim: 48, tileSize: 4, grid: 3, gridPosition: "learned", classToken: false },
} as const satisfies { readonly [K in ModelKind]: OptionsByKind[K] };

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

it.each(Object.keys(options) as ModelKind[])("%s goes out and comes back the same", async (kind) => {
  using model = createModel(device, { kind, seed: 3, ...options[kind] } as Parameters<typeof createModel>[1]);
  const state = await toTorchscale(model);
  using again = fromTorchscale(device, state, { kind, config: options[kind] });
  expect(await toTorchscale(again)).toEqual(state);
});

it("names and shapes are torchscale's", async () => {
  using encoder = createModel(device, { kind: "longnet-encoder", ...options["longnet-encoder"] });
  const state = await toTorchscale(encoder);
  expect(state.get("embed_positions.weight")?.shape).toEqual([14, 16]);
  expect(state.get("output_projection.weight")).toBe(state.get("embed_tokens.weight"));
  expect([...state.keys()]).toContain("layers.1.ffn.ffn_layernorm.bias");
  using both = createModel(device, { kind: "longnet", ...options.longnet });
  expect([...(await toTorchscale(both)).keys()]).toContain("decoder.layers.0.encoder_attn.k_proj.weight");
  using vit = createModel(device, { kind: "longnet-vit", ...options["longnet-vit"] });
  const image = await toTorchscale(vit);
  expect(image.get("patch_embed.proj.weight")?.shape).toEqual([16, 3, 4, 4]);
  expect(image.get("pos_embed")?.shape).toEqual([1, 9, 16]);
});

it("reports every array that is missing, unexpected or of another shape, and frees what it made", async () => {
  const kind = "longnet-encoder";
  using encoder = createModel(device, { kind, ...stack });
  const state = new Map<string, StateTensor>(await toTorchscale(encoder));
  state.delete("layers.0.ffn.fc1.bias");
  state.set("layers.1.self_attn.q_proj.weight", { shape: [16, 8], data: new Float32Array(128) });
  state.set("layers.0.self_attn.q_proj.weight", { shape: [16, 16], data: new Float32Array(3) });
  state.set("head.weight", { shape: [2], data: [1, 2] });
  const { live } = device.stats();
  try {
    fromTorchscale(device, state, { kind, config: stack });
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).details.map((line) => line.split(/\s{2,}/))).toEqual([
      ["layers.0.self_attn.q_proj.weight", "holds 3 values", "expected [16, 16]"],
      ["layers.0.ffn.fc1.bias", "missing", "expected [64]"],
      ["layers.1.self_attn.q_proj.weight", "is [16, 8]", "expected [16, 16]"],
      ["head.weight", "unexpected"],
    ]);
  }
  expect(device.stats().live).toBe(live);
});

it("leaves out what it is told to, and reads wrapped and half-precision dicts", async () => {
  const kind = "longnet-encoder";
  using encoder = createModel(device, { kind, ...stack, finalNorm: false });
  const state = new Map<string, StateTensor>();
  for (const [name, array] of await toTorchscale(encoder)) state.set(`model.${name}`, array);
  state.set("model.layers.0.ffn.fc1.bias", { dtype: "f16", shape: [64], data: new Uint16Array(64).fill(0x3c00) });
  state.set("head.weight", { shape: [2], data: [1, 2] });
  const config = { ...stack, finalNorm: false };
  const rename = (name: string) => name.replace(/^model\./, "");
  expect(() => fromTorchscale(device, state, { kind, config, rename })).toThrow(/head\.weight/);
  using model = fromTorchscale(device, state, { kind, config, rename, unexpected: "ignore" });
  const { up } = model.parameters.layers[0]?.feedForward ?? {};
  expect(await up?.bias.data()).toEqual(new Float32Array(64).fill(1));
  expect(model.config).toMatchObject({ headOffset: "block", remainder: "zeroPad", gradient: "exact" });
});

it("finds its names under what stands around the model, and knows what follows from the configuration", async () => {
  const kind = "longnet-vit";
  const config = { ...stack, tileDim: 8, finalNorm: false };
  using vit = createModel(device, { kind, seed: 5, ...config });
  const state = await toTorchscale(vit);
  const wrapped = new Map<string, StateTensor>();
  for (const [name, array] of state) wrapped.set(`module.slide_encoder.${name}`, array);
  wrapped.set("module.slide_encoder.pos_embed", { shape: [1, 1_000_001, 16], data: [] }); // made of sines, and so never read
  using again = fromTorchscale(device, wrapped, { kind, config });
  expect(await toTorchscale(again)).toEqual(state);
  wrapped.set("module.classifier.0.weight", { shape: [1], data: [0] });
  wrapped.delete("module.slide_encoder.norm.bias");
  expect(() => fromTorchscale(device, wrapped, { kind, config })).toThrow(
    /prefix "module\.slide_encoder\."[\s\S]*norm\.bias +missing[\s\S]*module\.classifier\.0\.weight +unexpected/,
  );
  const students = new Map(
    [...state].flatMap(([name, a]) => [[`student.${name}`, a] as const, [`teacher.${name}`, a] as const]),
  );
  expect(() => fromTorchscale(device, students, { kind, config })).toThrow(/several models/);
  using teacher = fromTorchscale(device, students, { kind, config, prefix: "teacher.", unexpected: "ignore" });
  expect(await toTorchscale(teacher)).toEqual(state);
});

it("reads LongViT with its head, and resizes places when asked", async () => {
  const kind = "longnet-vit";
  const config = options["longnet-vit"];
  using vit = createModel(device, { kind, seed: 5, ...config });
  const state = await toTorchscale(vit);
  const finetuned = new Map<string, StateTensor>([["head.weight", { shape: [2, 16], data: new Float32Array(32) }]]);
  for (const [name, array] of state) finetuned.set(name.startsWith("norm.") ? `fc_${name}` : `model.${name}`, array);
  using same = fromTorchscale(device, finetuned, { kind, config, unexpected: "ignore" });
  expect(await toTorchscale(same)).toEqual(state);
  const large = { ...config, grid: 5 };
  const load = (positions: "exact" | "bicubic") =>
    fromTorchscale(device, finetuned, { kind, config: large, unexpected: "ignore", positions });
  expect(() => load("exact")).toThrow(/pos_embed +is \[1, 9, 16\] +expected \[25, 16\]\n.*bicubic/);
  using resized = load("bicubic");
  const places = resizePositions(state.get("pos_embed")?.data ?? [], { from: [3, 3], to: [5, 5] });
  expect(await resized.parameters.gridPositions?.data()).toEqual(places);
});

it("loads what fits when asked to, and says what did not", async () => {
  const kind = "longnet-encoder";
  using encoder = createModel(device, { kind, seed: 1, ...stack });
  const state = new Map<string, StateTensor>(await toTorchscale(encoder));
  state.delete("layers.0.ffn.fc1.weight");
  state.set("layer_norm.weight", { shape: [8], data: new Float32Array(8) });
  state.set("lm_head.weight", { shape: [8], data: new Float32Array(8) });
  const { model, problems } = importTorchscale(device, state, { kind, config: stack }, { seed: 2 });
  expect(problems).toEqual([
    { name: "layers.0.ffn.fc1.weight", problem: "missing", expected: [64, 16] },
    { name: "layer_norm.weight", problem: "is [8]", expected: [16] },
    { name: "lm_head.weight", problem: "unexpected" },
  ]);
  using fresh = createModel(device, { kind, seed: 2, ...stack });
  const [got, init] = [await toTorchscale(model), await toTorchscale(fresh)];
  expect(got.get("layers.0.ffn.fc1.weight")).toEqual(init.get("layers.0.ffn.fc1.weight"));
  expect(got.get("layers.0.ffn.fc2.weight")?.data).toEqual(state.get("layers.0.ffn.fc2.weight")?.data);
  model.dispose();
  expect(() => importTorchscale(device, new Map([["x", { shape: [1], data: [1] }]]), { kind, config: stack })).toThrow(
    /nothing in the state dict fits/,
  );
});
