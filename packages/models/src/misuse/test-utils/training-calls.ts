import { join } from "node:path";
import type { Device } from "@dilated/core";
import * as models from "../../index.ts";
import * as node from "../../node/index.ts";
import type { ValidCall } from "./fuzz.ts";
import { each, loose, right } from "./right.ts";

const branches = [{ segment: 4, dilation: 1 }];
const sizes = { dim: 8, layers: 1, heads: 2, branches };
const text = new Uint8Array(64).fill(97);

/** Right calls of what trains, and of what reads and writes text. */
export function trainingCalls(device: Device): readonly ValidCall[] {
  const lm = models.createLongNetLM(device, { ...sizes, vocab: 128 });
  const optimizer = models.adamW({ lr: 1e-3 });
  const sgd = models.sgd({ lr: 1e-3, momentum: 0.9 });
  const p = { x: device.zeros([2, 4]) };
  const grads = { x: device.zeros([2, 4]) };
  const update = { step: 0, updates: 0, gradScale: device.full([], 1), copyTo: { x: device.zeros([2, 4]) } };
  const settings = {
    ...{ maxNorm: 1, seed: 1, accumulate: 1, precision: "mixed", ema: 0.9, keepState: false },
    lossScale: { initial: 1024, growth: 2, backoff: 0.5, interval: 100 },
    signal: new AbortController().signal,
  };
  const options = { optimizer, steps: 1, ...settings, evaluate: { every: 1, run: () => ({ a: 1 }) } };
  const tokens = [1, 2, 3];
  const batch = { tokens, shape: [1, 3], labels: tokens, keyMask: [1, 1, 1], cuSeqlens: [0, 3] };
  const state = () => models.initTraining(lm, optimizer);
  const bytesOf = models.byteTokenizer();
  const adam = optimizer.init(p);
  const momentum = sgd.init(p);
  return [
    right("adamW", models.adamW, { options: { lr: 1e-3, beta1: 0.9, beta2: 0.9, eps: 1e-8, weightDecay: 0.1 } }),
    right("sgd", models.sgd, { options: { lr: 1e-3, momentum: 0.9, weightDecay: 0.1 } }),
    ...[optimizer, sgd].flatMap((one) => [
      right("optimizer.init", one.init, { parameters: p }),
      right(
        "optimizer.update",
        one.update,
        { parameters: p, grads, state: one === sgd ? momentum : adam, call: update },
        "adamWStep sgdStep",
      ),
      right("optimizer.learningRate", one.learningRate, { step: 1 }),
    ]),
    right("oneCycle", models.oneCycle, { options: { peak: 1, total: 9, rise: 0.3, start: 0.1, end: 0.01 } }),
    right("warmupConstant", models.warmupConstant, { options: { peak: 1, warmup: 2 } }),
    right("warmupInverseSqrt", models.warmupInverseSqrt, { options: { peak: 1, warmup: 2 } }),
    ...each(
      { warmupCosine: models.warmupCosine, warmupLinear: models.warmupLinear },
      { options: { peak: 1, warmup: 2, total: 9, floor: 0.1 } },
    ),
    right("schedule", models.warmupLinear({ peak: 1, total: 9 }), { step: 1 }),
    right("initTraining", models.initTraining, { model: lm, optimizer, options: settings }),
    right("disposeTraining", models.disposeTraining, { state: state() }),
    right("withParameters", models.withParameters, { model: lm, parameters: lm.parameters }),
    right("train", models.train, { model: lm, batches: () => batch, options }, "LongNetLM.loss"),
    right(
      "train",
      (of: unknown, ...rest: unknown[]) => loose(models.train)(lm, () => of as never, { optimizer, steps: 1 }, ...rest),
      { batch },
      "LongNetLM.loss",
    ),
    right(
      "train",
      (run: unknown, ...rest: unknown[]) =>
        loose(models.train)(
          lm,
          () => batch as never,
          { optimizer, steps: 1, evaluate: { every: 1, run: () => run as never } },
          ...rest,
        ),
      { evaluate: { a: 1 } },
    ),
    right("encodeTraining", models.encodeTraining, {
      given: { model: lm, optimizer, state: state(), run: { a: 1 }, note: [1] },
    }),

    right("byteBatches", models.byteBatches, { text, options: { seq: 4, batch: 1, seed: 1 } }),
    right("tokenBatches", models.tokenBatches, { ids: text, options: { vocab: 128, seq: 4, batch: 1, seed: 1 } }),
    right("byteBatches", models.byteBatches(text, { seq: 4 }), { step: 1 }),
    right("bitsPerByte", models.bitsPerByte, { model: lm, text: text.subarray(0, 8), seq: 4 }),
    right("heldOutLoss", models.heldOutLoss, { model: lm, tokens: text.subarray(0, 8), seq: 4 }),
    right("unigramEntropy", models.unigramEntropy, { text }),
    right("byteTokenizer", models.byteTokenizer, {}),
    right("byteTokenizer.encode", bytesOf.encode, { text: "ab", options: { special: true } }),
    right("byteTokenizer.decode", bytesOf.decode, { ids: [97], options: { special: true } }),
    right("byteTokenizer.idOf", bytesOf.idOf, { token: "a" }),
    right("checkVocabulary", models.checkVocabulary, { tokenizer: bytesOf, vocab: 256 }),
    right("streamDecoder", models.streamDecoder, { tokenizer: bytesOf }),
    right("streamDecoder.push", models.streamDecoder(bytesOf).push, { id: 97 }, "byteTokenizer.decode"),
    right("decodeStream", models.decodeStream, { tokenizer: bytesOf, ids: [97] }, "streamDecoder byteTokenizer.decode"),
  ];
}

/** Right calls of what reads and writes files. */
export async function fileCalls(device: Device, folder: string): Promise<readonly ValidCall[]> {
  const encoder = models.createLongNetEncoder(device, sizes);
  const lm = models.createLongNetLM(device, { ...sizes, vocab: 8 });
  const optimizer = models.adamW({ lr: 1e-3 });
  const signal = new AbortController().signal;
  const x = device.zeros([2, 4]);
  const store = models.memoryStore();
  await models.writeModel(store, encoder);
  const stranger = { dtype: "f32", shape: [2], data: () => new Float32Array(2) };
  const state = models.initTraining(lm, optimizer);
  const saved = await models.encodeTraining({ model: lm, optimizer, state });
  const torch = await models.toTorchscale(encoder);
  const config = { ...sizes };
  const torchscaleOptions = {
    kind: "longnet-encoder",
    config,
    prefix: "",
    rename: (name: string) => name,
    positions: "exact",
    unexpected: "error",
  } as const;
  const none = async () => ({ ok: false, status: 404, statusText: "", headers: { get: () => null } }) as never;
  const url = models.urlSource("http://localhost/", { fetch: none });
  const report = {
    step: 1,
    steps: 2,
    loss: 1,
    gradNorm: 1,
    learningRate: 1,
    tokens: 1,
    tokensPerSecond: 1,
    peakBytes: 1,
  };
  const step = { ...report, skipped: false, lossScale: 1, eta: 1, state, evaluation: { a: 1 } };
  const records = [{ ...report, time: "2026-01-01T00:00:00.000Z" }];
  const at = (name: string) => join(folder, name);
  const log = await node.openMetrics(at("log"), { after: 0 });
  const plot = await node.openPlot();
  await node.saveModel(at("model"), encoder);
  const args = { segment_length: "[4]", dilated_ratio: [1], encoder_embed_dim: 8 };
  const handle = { getFileHandle: async () => ({}), removeEntry: async () => undefined, keys: async function* () {} };
  const untouched = { post_processor: null, pre_tokenizer: null, normalizer: null, added_tokens: [] };
  const tokenizer = { model: { type: "WordLevel", vocab: { a: 0 }, unk_token: "a" }, decoder: null, ...untouched };
  return [
    right("restoreTraining", models.restoreTraining, { bytes: saved, run: { model: lm, optimizer, run: null } }),
    right("decodeTraining", models.decodeTraining, { bytes: saved, run: { model: lm, optimizer, run: null } }),
    right(
      "writeModel",
      models.writeModel,
      {
        store,
        model: encoder,
        options: { maxShardBytes: 1e6, signal, onProgress: () => undefined, snapshot: true },
      },
      "writeWeights",
    ),
    right(
      "readModel",
      models.readModel,
      {
        device,
        source: store,
        options: { kind: "longnet-encoder", config: { dropout: 0 }, signal, onProgress: () => undefined },
      },
      "readWeights",
    ),
    right("openWeights", models.openWeights, { source: store, options: { signal } }, "readWeights"),
    right("readStateDict", models.readStateDict, { source: store, options: { signal } }, "readWeights"),
    right("writeWeights", models.writeWeights, {
      store: models.memoryStore(),
      tensors: [
        ["x", x],
        ["y", stranger],
      ],
      options: { maxShardBytes: 1e6, metadata: { a: "b" }, signal, onProgress: () => undefined, snapshot: true },
    }),
    right(
      "writeWeights",
      (tensor: unknown, ...rest: unknown[]) =>
        loose(models.writeWeights)(models.memoryStore(), [["x", tensor]] as never, {}, ...rest),
      {
        x: stranger,
      },
      "encodeSafetensors",
    ),
    right("memoryStore", models.memoryStore, { files: [["a", saved]] }, "memoryStore"),
    right("memoryStore.write", models.memoryStore().write, { name: "a", bytes: saved }),
    right("memoryStore.read", store.read, { name: "a" }),
    right("directoryStore", models.directoryStore, { folder: handle }),
    right("urlSource", models.urlSource, {
      base: "http://localhost/",
      options: { signal, headers: { a: "b" }, fetch: none },
    }),
    right("urlSource.read", url.read, { name: "a" }),
    right("readPth", models.readPth, { bytes: saved, options: { key: "a", filter: () => true, maxBytes: 9 } }),
    ...tokenizerCalls(await models.loadTokenizer(tokenizer)),
    right("loadTokenizer", models.loadTokenizer, { json: tokenizer, configJson: "{}", options: { vocab: 9 } }),
    right("torchscaleConfig", models.torchscaleConfig, { kind: "longnet-encoder", args }),
    right("toTorchscale", models.toTorchscale, { model: encoder }),
    right("fromTorchscale", models.fromTorchscale, {
      device,
      state: torch,
      options: torchscaleOptions,
    }),
    right("loadTorchscale", models.loadTorchscale, {
      device,
      state: torch,
      options: torchscaleOptions,
    }),
    right("importTorchscale", models.importTorchscale, {
      device,
      state: torch,
      options: { kind: "longnet-encoder", config, prefix: "", rename: (name: string) => name, positions: "exact" },
      fresh: { seed: 1 },
    }),
    right("resizePositions", models.resizePositions, {
      table: [1, 2, 3, 4],
      options: { from: [2, 2], to: [3, 3], scale: [1.5, 1.5] },
    }),

    right("writeCheckpoint", node.writeCheckpoint, { folder: at("checkpoint"), bytes: saved }),
    right("readCheckpoint", node.readCheckpoint, { folder: at("checkpoint") }),
    right("openFolder", node.openFolder, { folder }),
    right("openFolder.write", node.openFolder(at("store")).write, { name: "a", bytes: saved }),
    right("openFolder.read", node.openFolder(at("store")).read, { name: "a" }),
    right("openFolder.remove", node.openFolder(at("store")).remove, { name: "a" }),
    right("metricsOf", node.metricsOf, { report: step, time: new Date(0) }),
    right(
      "openMetrics",
      async (...given: never[]) =>
        (await (node.openMetrics as (...all: never[]) => Promise<node.MetricsLog>)(...given)).close(),
      { path: at("metrics"), options: { after: 1 } },
      "readMetrics",
    ),
    right("openMetrics.append", log.append, { step }),
    right("readMetrics", node.readMetrics, { path: at("metrics") }),
    right("saveModel", node.saveModel, {
      folder: at("model"),
      model: encoder,
      options: { maxShardBytes: 1e6, signal, onProgress: () => undefined, snapshot: true },
    }),
    right(
      "loadModel",
      node.loadModel,
      {
        device,
        folder: at("model"),
        options: { kind: "longnet-encoder", config: { dropout: 0 }, signal, onProgress: () => undefined },
      },
      "readModel",
    ),
    right(
      "openPlot",
      async (...given: never[]) => (await (node.openPlot as (...all: never[]) => Promise<node.Plot>)(...given)).close(),
      { options: { title: "t", loss: { name: "bits", nats: 1 }, port: 0, records } },
    ),
    right("openPlot.add", plot.add, { record: records[0] }),
    right("writeReport", node.writeReport, {
      path: at("report.html"),
      records,
      options: { title: "t", loss: { name: "bits", nats: 1 } },
    }),
  ];
}

function tokenizerCalls({ encode, decode, idOf }: models.Tokenizer): readonly ValidCall[] {
  const options = { special: true };
  return [
    right("tokenizer.encode", encode, { text: "a", options }),
    right("tokenizer.decode", decode, { ids: [0], options }),
    right("tokenizer.idOf", idOf, { token: "a" }),
  ];
}
