import { type Device, Tensor } from "@dilated/core";
import * as models from "../../index.ts";
import type { ValidCall } from "./fuzz.ts";
import { each, made, method, right } from "./right.ts";

const branches = [{ segment: 4, dilation: 1 }];
const sizes = { dim: 8, layers: 1, heads: 2, branches };
const stack = { ...sizes, vocab: 8 };

/** It frees the x that it is given. */
function runStack(x: unknown, ...rest: readonly unknown[]): unknown {
  const own = x instanceof Tensor && !x.disposed ? x.alias() : x;
  try {
    return (models.runStack as (...given: unknown[]) => unknown)(own, ...rest);
  } catch (error) {
    if (own instanceof Tensor && own !== x) own.dispose();
    throw error;
  }
}

/** Right calls of `models`: what makes, runs and takes apart models. */
export function modelCalls(device: Device): readonly ValidCall[] {
  const lm = models.createLongNetLM(device, { ...stack, position: "learned", maxPositions: 16, dropout: 0.1 });
  const encoder = models.createLongNetEncoder(device, { ...stack, output: "tied" });
  const vit = models.createLongNetViT(device, { ...sizes, tileDim: 4 });
  const pair = models.createLongNet(device, { encoder: stack, decoder: stack });
  const attention = models.createAttention(device, { kind: "dense", dim: 8, heads: 2 });
  const ids = () => device.zeros([1, 4], { dtype: "i32" });
  const [tokens, mask, x] = [ids(), device.full([1, 4], 1, { dtype: "u32" }), device.full([1, 4, 8], 0.1)];
  const masks = { keyMask: mask, cuSeqlens: [0, 4] };
  const forward = { dropoutSeed: 1, keyMask: mask, cuSeqlens: [0, 2, 4], attend: undefined, starts: undefined };
  const crossed = { dropoutSeed: 1, keyMask: mask, sourceMask: mask };
  const init = new models.Initializer(device, 1);
  const gains = { gain: 1, crossGain: 1, alpha: 1 };
  const depth = { role: "decoder", layers: 1, other: 1 };
  const head = models.initHead(init, { dim: 8, out: 2 });
  const { config } = lm;
  const shape = { dim: 8, heads: 2, kvHeads: 2, position: "rope", xposScaleBase: 512, eps: 1e-5 };
  const fed = { dim: 8, hidden: 32, activation: "gelu", eps: 1e-5 };
  const layer = models.initLayer(init, config, gains, true, "l");
  const plan = { residual: 0.1, attention: 0, activation: 0, path: 0, next: () => ({ seed: 1, stream: 1 }) };
  const slides = { tiles: device.full([1, 2, 4], 0.1), coordinates: [0, 0, 256, 0] };
  const image = { width: 4, height: 4, data: new Uint8ClampedArray(64) };
  const pattern = { branches, headOffset: "modulo", remainder: "truncate", gradient: "exact" };
  const call = { ...pattern, key: x, value: x, causal: true, scale: 1, dropout: { p: 0.1, seed: 1 }, keyMask: mask };
  const sized = { ...sizes, seed: 1 };
  const decoder = models.openDecoder(lm, 1, { length: 16 });
  models.prefill(decoder, [[1, 2]]).dispose();
  const batch = { tokens, labels: ids(), ...masks };
  return [
    right("createModel", models.createModel, { device, options: { kind: "longnet-lm", preset: "tiny", ...sized } }),
    right("createAttention", models.createAttention, {
      device,
      options: { kind: "dilated", gain: 1, ...sized, layers: undefined },
    }),
    right("createLongNetLM", models.createLongNetLM, { device, config: stack, options: { seed: 1 } }),
    right("createLongNetDecoder", models.createLongNetDecoder, { device, config: stack, options: { seed: 1 } }),
    right("createLongNetEncoder", models.createLongNetEncoder, { device, config: stack, options: { seed: 1 } }),
    right("createLongNet", models.createLongNet, {
      device,
      config: { encoder: stack, decoder: stack, sharedEmbedding: true },
      options: { seed: 1 },
    }),
    right("createLongNetViT", models.createLongNetViT, {
      device,
      config: { ...sizes, tileDim: 4 },
      options: { seed: 1 },
    }),
    right("resolveLongNetLM", models.resolveLongNetLM, { options: config }),
    right("resolveLongNetDecoder", models.resolveLongNetDecoder, {
      options: config,
    }),
    right("resolveLongNetEncoder", models.resolveLongNetEncoder, { options: encoder.config }),
    right("resolveLongNet", models.resolveLongNet, {
      options: { encoder: stack, decoder: stack, sharedEmbedding: false },
    }),
    right("resolveLongNetViT", models.resolveLongNetViT, { options: vit.config }),
    ...each({ slideBranches: models.slideBranches }, { maxSlide: 1e5, tileSize: 256 }),
    right("configSchema", models.configSchema, { kind: "longnet-lm" }),

    method(lm, "hidden", { tokens, options: forward }),
    method(lm, "forward", { tokens, options: forward }),
    method(lm, "loss", { batch, options: { dropoutSeed: 1 } }),
    method(lm, "loss", { batch: tokens, options: { ...masks, dropoutSeed: 1 } }),
    method(lm, "project", { hidden: x }),
    method(encoder, "forward", { input: tokens, options: forward }),
    method(encoder, "states", { input: x, options: { keyMask: [1, 1, 1, 0] } }),
    method(encoder, "project", { hidden: x }),
    method(encoder, "withParameters", { parameters: encoder.parameters }),
    method(vit, "forward", { slides, options: { keyMask: [1, 1], dropoutSeed: 1 } }),
    method(vit, "allLayers", { slides, options: { keyMask: [1, 1], dropoutSeed: 1 } }),
    method(vit, "tileStates", { slides, options: { keyMask: [1, 1], dropoutSeed: 1 } }),
    method(vit, "withParameters", { parameters: vit.parameters }),
    method(pair, "encode", { source: tokens, options: crossed }),
    method(pair, "decode", { target: tokens, context: x, options: crossed }),
    method(pair, "hidden", { target: tokens, context: x, options: crossed }),
    method(pair, "forward", { source: tokens, target: tokens, options: crossed }),
    method(pair, "loss", {
      batch: { source: { tokens, keyMask: mask }, target: { ...batch, cuSeqlens: undefined } },
      options: { dropoutSeed: 1 },
    }),
    method(attention, "forward", {
      query: x,
      options: { key: x, value: x, ...masks, causal: true, dropoutSeed: 1, dropoutStream: 1 },
    }),
    method(attention, "withParameters", { parameters: attention.parameters }),
    method(init, "normal", { shape: [2], std: 1, label: "t" }),
    method(init, "xavier", { out: 2, inputs: 2, gain: 1, label: "t" }),
    method(init, "constant", { shape: [2], value: 1, label: "t" }),
    made(models.Initializer, { device, seed: 1 }),
    made(models.LongNetLM, { device, config, parameters: lm.parameters }),
    made(models.LongNetDecoder, { device, config, parameters: lm.parameters }),
    made(models.LongNet, { device, config: pair.config, parameters: pair.parameters }),
    made(models.LongNetEncoder, { device, config: encoder.config, parameters: encoder.parameters }),
    made(models.LongNetViT, { device, config: vit.config, parameters: vit.parameters }),
    made(models.MultiheadDilatedAttention, {
      kind: "dense",
      device,
      config: attention.config,
      parameters: attention.parameters,
    }),
    made(models.CausalModel, { kind: "longnet-lm", device, config, parameters: lm.parameters }),

    right("initHead", models.initHead, { init, options: { dim: 8, out: 2, norm: true }, label: "head" }),
    right("classify", models.classify, { features: x, p: head, dropout: { p: 0.1, seed: 1, stream: 0 } }),
    right("embed", models.embed, { features: x, p: head }),
    right("poolTokens", models.poolTokens, { x, keyMask: mask }),
    right("magnetoGain", models.magnetoGain, { layers: 2 }),
    right("depthGains", models.depthGains, { norm: "deep", depth }),
    right("initAttention", models.initAttention, {
      init,
      shape: { dim: 8, heads: 2, kvHeads: 2 },
      options: { gain: 1, inner: true },
      label: "a",
    }),
    right("multiheadDilatedAttention", models.multiheadDilatedAttention, {
      query: x,
      p: attention.parameters,
      shape,
      call,
    }),
    right("initFeedForward", models.initFeedForward, {
      init,
      shape: fed,
      options: { gain: 1, inner: true },
      label: "f",
    }),
    right("feedForward", models.feedForward, { x, p: layer.feedForward, shape: fed, plan }),
    right("dropPath", models.dropPath, { x, p: 0.1, seed: 1, stream: 0 }),
    right("padTokens", models.padTokens, { x, before: 1, after: 1 }),
    right("prependToken", models.prependToken, { x, token: device.zeros([8]) }),
    right("sliceTokens", models.sliceTokens, { x, start: 1, end: 3 }),
    right("initLayer", models.initLayer, { init, config, gains, cross: true, label: "l" }),
    right(
      "transformerLayer",
      models.transformerLayer,
      {
        x,
        p: layer,
        config,
        call: { attention: pattern, context: x, contextMask: mask, alpha: 1, plan },
      },
      "feedForward",
    ),
    right("initStack", models.initStack, { init, config, depth, options: { cross: true, label: "s" } }),
    right(
      "runStack",
      runStack,
      {
        x,
        p: { layers: [layer] },
        config,
        call: {
          keyMask: mask,
          causal: true,
          context: x,
          contextMask: mask,
          depth,
          firstSlot: 0,
          dropoutSeed: 1,
          onState: () => undefined,
        },
      },
      "feedForward",
    ),
    right("imagePatches", models.imagePatches, { image, patch: 2 }),

    right("decodeCacheBytes", models.decodeCacheBytes, { config, B: 1, options: { length: 8, cacheDtype: "f16" } }),
    right("openDecoder", models.openDecoder, { model: lm, B: 1, options: { length: 8, cacheDtype: "f32" } }),
    right("prefill", models.prefill, { decoder, prompts: [[1, 2]] }),
    right("decodeStep", models.decodeStep, { decoder, tokens: [1] }),
    right("estimate", models.estimate, {
      model: { kind: "longnet-lm", ...stack, seed: 1 },
      options: { N: 8, B: 1, M: 8, mode: "train", optimizer: "sgd", precision: "mixed", ema: 0.9, device },
    }),
    right("suggestBranches", models.suggestBranches, { N: 64, H: 4, budget: { pairs: 4096, rows: 4096 } }),
    right("drawToken", models.drawToken, {
      logits: new Float32Array(4),
      options: { temperature: 1, topK: 2, topP: 0.9, repetitionPenalty: 1 },
      uniform: 0.5,
    }),
    ...[lm, pair].flatMap((model, i) => {
      const options = {
        ...{
          count: 1,
          seed: 1,
          temperature: 0,
          topK: 1,
          topP: 0.9,
          repetitionPenalty: 1,
          stopTokens: [1],
          stopSequences: [[1]],
        },
        ...{ window: 4, cacheDtype: "f32", signal: new AbortController().signal, ...(i === 1 ? { start: [0] } : {}) },
      };
      return [
        right("generate", models.generate, { model, prompt: [1, 2], options }),
        right("generateBatch", models.generateBatch, { model, prompts: [[1, 2]], options }),
      ];
    }),
    right("torchscaleEntries", models.torchscaleEntries, { model: lm }),
  ];
}
