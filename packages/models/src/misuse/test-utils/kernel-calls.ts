import * as core from "@dilated/core";
import * as kernels from "@dilated/kernels";
import * as attention from "@dilated/kernels/attention";
import * as decode from "@dilated/kernels/decode";
import * as tuning from "@dilated/kernels/tune";
import type { ValidCall } from "./fuzz.ts";
import { each, loose, right } from "./right.ts";

/** Right calls of `kernels`, of what decodes and of what tunes. */
export function kernelCalls(device: core.Device, folder: string): readonly ValidCall[] {
  const made = (shape: readonly number[], dtype: core.DType = "f32") =>
    device.full(shape, dtype === "f32" ? 0.5 : 1, { dtype });
  const [x, q, row, one] = [made([2, 4]), made([1, 4, 2, 4]), made([4]), made([])];
  const targets = made([2], "i32");
  const branches = [{ segment: 4, dilation: 1 }];
  const part = { out: q, lse: made([1, 2, 4]) };
  const pattern = { branches, headOffset: "modulo", remainder: "truncate", gradient: "exact", heads: "all" };
  const options = {
    causal: true,
    scale: 1,
    dropout: { p: 0.1, seed: 1 },
    keyMask: made([1, 4], "u32"),
    cuSeqlens: [0, 2, 4],
  };
  const smoothing = { ignoreIndex: -1, labelSmoothing: 0.1, reduction: "mean" };
  const step = { lr: 0.1, weightDecay: 0, gradScale: one, copyTo: made([2, 4]) };
  const plan = decode.decodePlan({ H: 2, D: 4 }, { branches, length: 8 });
  const cache = decode.createDecodeCache(device, plan);
  const token = made([1, 1, 2, 4]);
  const { relu, sigmoid, silu, tanh, square, softmax, exp, log, abs, transpose } = kernels;
  const { add, sub, mul, div, sum, mean, max, argmax } = kernels;
  return [
    ...each({ relu, sigmoid, silu, tanh, square, softmax, exp, log, abs, transpose }, { x }),
    ...each({ add, sub, mul, div }, { a: x, b: x }),
    ...each({ sum, mean, max, argmax }, { x, options: { axis: 1 } }),
    right("where", kernels.where, { condition: made([2, 4], "u32"), a: x, b: x }),
    right("slice", kernels.slice, { x, options: { axis: 1, begin: 1, end: 3 } }),
    right("concat", kernels.concat, { tensors: [x, x], options: { axis: 1 } }),
    right("permute", kernels.permute, { x, axes: [1, 0] }),
    right("gather", kernels.gather, { x, indices: targets }),
    right("topK", kernels.topK, { x, k: 2, options: { axis: 1 } }),
    right("gelu", kernels.gelu, { x, options: { approximate: "none" } }),
    right("scale", kernels.scale, { x, s: 2 }),
    right("attention", kernels.attention, { q, k: q, v: q, options }),
    right("dilatedAttention", kernels.dilatedAttention, { q, k: q, v: q, options: { ...pattern, ...options } }),
    right("mergeAttention", kernels.mergeAttention, { a: part, b: part }),
    ...partCalls(made),
    right("geometricBranches", kernels.geometricBranches, { options: { from: 2, to: 8, ratio: 2, maxDilation: 4 } }),
    right("attentionFlops", kernels.attentionFlops, { shape: { N: 4, H: 2, D: 4, B: 1 }, options: pattern }),
    right("coverage", kernels.coverage, { shape: { N: 4, H: 2 }, options: pattern }),
    right("liveRows", kernels.liveRows, { shape: { N: 4, H: 2 }, options: pattern }),
    right("crossEntropy", kernels.crossEntropy, { logits: x, targets, options: smoothing }),
    right("linearCrossEntropy", kernels.linearCrossEntropy, { x, weight: x, targets, options: smoothing }),
    right("dropout", kernels.dropout, { x, options: { p: 0.5, seed: 1, stream: 0 } }),
    right("nextTokens", kernels.nextTokens, {
      labels: made([1, 4], "i32"),
      options: { keyMask: made([1, 4], "u32"), cuSeqlens: [0, 4] },
    }),
    right("maskedMean", kernels.maskedMean, { x: made([1, 4, 4]), keyMask: made([1, 4], "u32") }),
    right("checkTokens", kernels.checkTokens, { tokens: [1], vocab: 2, options: { allow: -1 } }),
    right("embedding", kernels.embedding, { table: x, ids: targets }),
    right("glu", kernels.glu, { value: x, gate: x, options: { activation: "silu" } }),
    right("linear", kernels.linear, {
      x,
      weight: made([4, 4]),
      bias: row,
      options: { activation: "relu", residual: x },
    }),
    right("matmul", kernels.matmul, {
      a: x,
      b: x,
      options: { transposeA: false, transposeB: true, bias: made([2]), alpha: 1 },
    }),
    right("layerNorm", kernels.layerNorm, { x, weight: row, bias: row, options: { eps: 1e-5 } }),
    right("rmsNorm", kernels.rmsNorm, { x, weight: row, options: { eps: 1e-5 } }),
    right("adamWStep", kernels.adamWStep, {
      param: made([2, 4]),
      grad: x,
      m: made([2, 4]),
      v: made([2, 4]),
      options: { ...step, step: 1, beta1: 0.9, beta2: 0.99, eps: 1e-8 },
    }),
    right("sgdStep", kernels.sgdStep, {
      param: made([2, 4]),
      grad: x,
      velocity: made([2, 4]),
      options: { ...step, momentum: 0.9, nesterov: true },
    }),
    right("gradNorm", kernels.gradNorm, { grads: [x, row] }),
    right("clipScale", kernels.clipScale, { norm: one, maxNorm: 1 }),
    right("clipGradNorm", kernels.clipGradNorm, { grads: { x, row }, maxNorm: 1 }),
    right("rope", kernels.rope, { x: q, options: { positions: made([4], "i32"), base: 1e4, interleaved: true } }),
    right("xpos", kernels.xpos, {
      x: q,
      options: { positions: 0, downscale: true, scaleBase: 512, base: 1e4, centre: 2 },
    }),
    right("sinusoidPositions", kernels.sinusoidPositions, {
      device,
      N: 2,
      E: 4,
      options: { offset: 0, base: 1e4, interleaved: true, dtype: "f32" },
    }),
    right("decodePlan", decode.decodePlan, {
      shape: { H: 2, G: 2, D: 4 },
      options: { branches, headOffset: "modulo", heads: "all", scale: 1, length: 8, xposScaleBase: 512 },
    }),
    right("createDecodeCache", decode.createDecodeCache, { device, plan, options: { B: 1, layers: 1, dtype: "f32" } }),
    right("decodePlanBytes", decode.decodePlanBytes, { plan, options: { B: 1, layers: 1, dtype: "f32" } }),
    right("appendToCache", decode.appendToCache, { cache, layer: 0, k: token, v: token, firstRow: 0 }),
    right("decodeAttention", decode.decodeAttention, { cache, layer: 0, q: token }),
    ...tuningCalls(device, folder),
  ];
}

/** A kernel of the caller's with two variants, and shapes of ours. */
function tuningCalls(device: core.Device, folder: string): readonly ValidCall[] {
  const store = tuning.tuningStore(folder);
  const attention = { shape: [1, 4, 2, 4], keyHeads: 2, branches: [{ segment: 4, dilation: 1 }], causal: true };
  const matmul = { m: 4, n: 4, k: 4, batch: 1, transposeA: false, transposeB: true, dtype: "f32", gradients: true };
  const workload = { name: "w", prepare: () => ({ operands: [], run: () => ({}) }) };
  const more = { budgetMs: 1, store, force: false, signal: new AbortController().signal, onProgress: () => undefined };
  const options = { attention: { ...attention, dtype: "f32", backward: true }, matmul, workloads: [workload], ...more };
  const tune = (given: object) => right("tune", tuning.tune, { device, ...given });
  const candidates = [{ variant: "a", ms: 1, problem: "p" }];
  const key = { key: "k", workload: "w", candidates, chosen: "a", gain: 1, complete: true };
  const found = { keys: [key], known: ["k"], unfinished: ["u"], problems: ["p"], elapsedMs: 1, nothing: "n" };
  return [
    tune({ options }),
    right("tune", (of: unknown, ...rest: unknown[]) => loose(tuning.tune)(device, { attention: of }, ...rest), {
      attention: options.attention,
    }),
    right("tune", (of: unknown, ...rest: unknown[]) => loose(tuning.tune)(device, { matmul: of }, ...rest), { matmul }),
    right("tuned", tuning.tuned, { device, key: "k", variants: ["a", "b"] }),
    right("tuningStore", tuning.tuningStore, { where: folder }),
    right("tuningStore.read", store.read, { id: "a" }),
    right("tuningStore.write", tuning.tuningStore(`${folder}/tuned`).write, { id: "a", text: "{}" }),
    right("loadTuning", tuning.loadTuning, { device, store }),
    right("saveTuning", tuning.saveTuning, { device, store }),
    right("formatTuning", tuning.formatTuning, { report: { adapter: "a", tier: "matrix", ...found } }),
  ];
}

/** Right calls of attention in parts. */
function partCalls(made: (shape: readonly number[], dtype?: core.DType) => core.Tensor): readonly ValidCall[] {
  const q = made([1, 4, 2, 4]);
  const pattern = {
    branches: [{ segment: 4, dilation: 1 }],
    headOffset: "modulo",
    remainder: "truncate",
    gradient: "exact",
    causal: true,
    window: [2, 1],
    queryOffset: 0,
    cuSeqlens: [0, 2, 4],
    cuSeqlensK: [0, 2, 4],
  } as const;
  const shape = { N: 4, M: 4, H: 2, G: 2 };
  const options = {
    schedule: flat(attention.dilated(shape, pattern)),
    scale: 1,
    softcap: 5,
    dropout: { p: 0.1, seed: 1 },
    keyMask: made([1, 4], "u32"),
  };
  const state = (): attention.AttentionState => ({ out: made([1, 4, 2, 4]), lse: made([1, 2, 4]) });
  const into = { dq: made([1, 4, 2, 4]), dk: made([1, 4, 2, 4]), dv: made([1, 4, 2, 4]) };
  return [
    right("dilated", (...args: Parameters<typeof attention.dilated>) => flat(attention.dilated(...args)), {
      shape,
      options: pattern,
    }),
    right("attendPart", attention.attendPart, { q, k: q, v: q, options: { ...options, into: state(), dtype: "f32" } }),
    right("attendPartBackward", attention.attendPartBackward, {
      q,
      k: q,
      v: q,
      pull: { ...state(), dout: q, dlse: made([1, 2, 4]) },
      options: { ...options, into },
    }),
  ];
}

/** A schedule of one part holds itself, which no tree may. */
function flat(schedule: attention.Schedule): attention.Schedule {
  return Object.defineProperty({ ...schedule }, "parts", { enumerable: false });
}

/** Right calls of `core`. */
export function coreCalls(device: core.Device): readonly ValidCall[] {
  const { valueAndGrad, checkpoint, accumulate, cast, fill } = core;
  const x = device.full([2, 4], 0.5);
  const kernel = {
    name: "k",
    tensors: { y: { access: "write", view: "vec4" } },
    scalars: { quads: "u32" },
    wgsl: { source: "fn main() {}" },
  };
  const task = {
    work: () => [[1, 2]],
    inputs: [x],
    outputs: [{ shape: [2], dtype: "f32", label: "t" }],
    name: "task",
    timeoutMs: 60_000,
    signal: new AbortController().signal,
  };
  const times = { wallMs: 1, deviceMs: 1, spanMs: 1, hostMs: 1 };
  const profile = {
    ...times,
    clock: "gpu",
    quantumMs: 0,
    kernels: [{ name: "k", launches: 1, deviceMs: 1, hostMs: 1 }],
  };
  const random = { seed: 1, stream: 0, domain: "tensor", mean: 0, std: 1 };
  const stored = { dtype: "f32", label: "t" };
  const method = (name: string) => (device[name as never] as (...args: never[]) => unknown).bind(device);
  const bytes = core.writeSafetensors([["x", { dtype: "f32", shape: [1], data: new Float32Array(1) }]] as never);
  return [
    right("valueAndGrad", valueAndGrad, { params: { x }, work: () => kernels.mean(x), options: { seed: 1 } }),
    right("checkpoint", checkpoint, { work: (y: core.Tensor) => core.reshape(y, [y.size]), x }),
    right("reshape", core.reshape, { x, shape: [4, 2] }),
    right("stopGradient", core.stopGradient, { x }),
    right("accumulate", accumulate, { a: x, b: x, into: device.zeros([2, 4]) }),
    right("cast", cast, { x, dtype: "f16" }),
    right("fill", fill, { tensor: device.zeros([2, 4]), value: 1 }),
    right("randomNormal", core.randomNormal, { into: device.zeros([2, 4]), options: random }),
    right("randomUniform", core.randomUniform, { into: device.zeros([2, 4]), options: { seed: 1, stream: 0 } }),
    right("forEachWindow", core.forEachWindow, { device, tensors: [x], work: () => undefined }),
    right("hostTask", core.hostTask, { device, options: task }),
    right("defineKernel", core.defineKernel, { definition: kernel }),
    right("philox4x32", core.philox4x32, { counter: [0, 0, 0, 0], key: [0, 0] }),
    right("parseStrict", core.parseStrict, { text: "{}", what: "parseStrict text" }),
    right("readSafetensors", core.readSafetensors, { bytes }),
    right("decodeSafetensors", core.decodeSafetensors, { bytes }),
    right("f32ToF16", core.f32ToF16, { values: [1, 2] }),
    right("f16ToF32", core.f16ToF32, { words: new Uint16Array(2) }),
    right("checkShape", core.checkShape, { caller: "checkShape", shape: [1] }),
    right("formatShape", core.formatShape, { shape: [1] }),
    right("sameShape", core.sameShape, { a: [1], b: [1] }),
    right("sizeOf", core.sizeOf, { shape: [1] }),
    right("treeEntries", core.treeEntries, { tree: { x }, prefix: "p" }),
    right("treeTensors", core.treeTensors, { tree: { x } }),
    right("treeMap", core.treeMap, { tree: { x }, change: (tensor: core.Tensor) => tensor, prefix: "p" }),
    right("openDevice", core.openDevice, { options: { backend: "wasm", threads: 1, simd: "auto", memoryBudget: 1e6 } }),
    right("Device.tensor", method("tensor"), { values: [1, 2], shape: [2], options: stored }),
    right("Device.write", method("write"), { tensor: device.zeros([2]), values: [1, 2] }),
    right("Device.empty", method("empty"), { shape: [2], options: stored }),
    right("Device.zeros", method("zeros"), { shape: [2], options: stored }),
    right("Device.full", method("full"), { shape: [2], value: 1, options: stored }),
    right("Device.randomNormal", method("randomNormal"), { shape: [2], options: { ...random, ...stored } }),
    right("Device.randomUniform", method("randomUniform"), { shape: [2], options: { seed: 1, stream: 0, ...stored } }),
    right("Device.copy", method("copy"), { from: x, to: device.zeros([2, 4]), window: { from: 0, to: 0, count: 4 } }),
    right("deriveSeed", core.deriveSeed, { seed: 1, index: 1 }),
    right("seedKey", core.seedKey, { seed: 1, caller: "seedKey" }),
    right("show", core.show, { value: 1 }),
    right("eventLoopPauses", core.eventLoopPauses, { everyMs: 16 }),
    right("Tensor.alias", (...given: never[]) => x.alias(...given), { label: "t" }),
    right("formatProfile", core.formatProfile, { profile }),
    ...each(
      { writeSafetensors: core.writeSafetensors, encodeSafetensors: core.encodeSafetensors },
      { tensors: { x: { dtype: "f32", shape: [1], data: [1] } }, metadata: { a: "b" } },
    ),
    ...each(
      {
        writeSafetensors: (of: unknown, ...rest: unknown[]) => loose(core.writeSafetensors)({ x: of }, {}, ...rest),
        encodeSafetensors: (of: unknown, ...rest: unknown[]) => loose(core.encodeSafetensors)([["x", of]], {}, ...rest),
      },
      { x: { stored: "F32", shape: [1], bytes: new Uint8Array(4) } },
    ),
    right("treeTies", core.treeTies, { tree: { x }, prefix: "p" }),
    right("Tensor.data", x.data.bind(x), { range: { begin: 1, end: 3 } }),
    right("Tensor.bytes", x.bytes.bind(x), { range: { begin: 1, end: 3 } }),
    right("Device.attempt", method("attempt"), { work: () => undefined }),
    right("Device.scope", method("scope"), { work: () => undefined }),
    right("Device.warmup", method("warmup"), { work: () => undefined }),
    right("Device.profile", method("profile"), { work: () => 1, options: { detail: "kernels" } }),
    right("Device.trim", method("trim"), { keepBytes: 0 }),
  ];
}
