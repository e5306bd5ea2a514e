import { join } from "node:path";
import * as core from "@dilated/core";
import * as kernels from "@dilated/kernels";
import { attendPart, attendPartBackward, dilated } from "@dilated/kernels/attention";
import * as decode from "@dilated/kernels/decode";
import { tune } from "@dilated/kernels/tune";
import * as models from "../../index.ts";
import * as node from "../../node/index.ts";
import { sparseCalls } from "./sparse-calls.ts";

/** One options object of one function: a call that is right with `extra` empty. */
export interface OptionsCall {
  /** An option that is known; another spelling of it is what the call is tried with. */
  readonly key: string;
  readonly call: (extra: object) => unknown;
  /** The right call takes too long, or needs what this machine may not have. */
  readonly skipValid?: boolean;
}

/** By public function; an empty list says that it takes no options. */
export type Calls = Readonly<Record<string, readonly OptionsCall[]>>;

export type Extra = Record<string, never>;

export function callsOf(device: core.Device, folder: string): Calls {
  const row = (key: string, call: (extra: Extra) => unknown, skipValid = false): OptionsCall => ({
    key,
    call: (extra) => call(extra as Extra),
    skipValid,
  });
  const none: readonly OptionsCall[] = [];
  const all = (names: string): Calls => Object.fromEntries(names.split(" ").map((name) => [name, none]));
  const x = device.full([2, 4], 0.5);
  const q = device.full([1, 4, 2, 4], 0.1);
  const targets = device.zeros([2], { dtype: "i32" });
  const branches = [{ segment: 4, dilation: 1 }];
  const sizes = { dim: 8, layers: 1, heads: 2, branches };
  const lm = models.createLongNetLM(device, { ...sizes, vocab: 8 });
  const encoder = models.createLongNetEncoder(device, sizes);
  const vit = models.createLongNetViT(device, { ...sizes, tileDim: 4 });
  const stack = { ...sizes, vocab: 8 };
  const pair = models.createLongNet(device, { encoder: stack, decoder: stack });
  const attention = models.createAttention(device, { kind: "dense", dim: 8, heads: 2 });
  const tokens = device.zeros([1, 4], { dtype: "i32" });
  const vectors = device.full([1, 4, 8], 0.1);
  const slides = { tiles: device.full([1, 2, 4], 0.1), coordinates: [0, 0, 256, 0] };
  const init = new models.Initializer(device, 1);
  const store = models.memoryStore();
  const plan = () => decode.decodePlan({ H: 2, D: 4 }, { branches, length: 8 });
  const config = lm.config;
  const layer = () => models.initLayer(init, config, { gain: 1, crossGain: 1 }, false, "l");
  const optimizer = models.adamW({ lr: 1e-3 });
  const state = () => models.initTraining(lm, optimizer);
  const causal = (name: string): Calls =>
    Object.fromEntries([
      [`${name}.hidden`, [row("keyMask", (o) => lm.hidden(tokens, o))]],
      [`${name}.forward`, [row("cuSeqlens", (o) => lm.forward(tokens, o))]],
      [
        `${name}.loss`,
        [row("dropoutSeed", (o) => lm.loss(tokens, o)), row("labels", (o) => lm.loss({ tokens, ...o }))],
      ],
      [`${name}.project`, none],
      [`${name}.dispose`, none],
    ]);
  return {
    ...all("deriveSeed seedKey countsMeans meanOver withMeanCounts apply checkpoint reshape stopGradient"),
    ...all("checkConfig checkOptions checkArgument checkCall isPlain show eventLoopPauses requiredFeatures wgslOf"),
    ...all(
      "accumulate cast fill forEachWindow formatProfile philox4x32 parseStrict readSafetensors writeSafetensors encodeSafetensors decodeSafetensors",
    ),
    ...all(
      "f16ToF32 f32ToF16 checkShape formatShape sameShape sizeOf treeEntries treeMap treeTensors treeTies checkParameters packedModule",
    ),
    valueAndGrad: [row("seed", (o) => core.valueAndGrad({ x }, () => kernels.mean(x), o))],
    hostTask: [row("timeoutMs", (o) => core.hostTask(device, { work: () => [], ...o }))],
    openDevice: [row("backend", async (o) => (await core.openDevice({ backend: "wasm", ...o })).dispose())],
    defineKernel: [
      row("scalars", (o) => core.defineKernel({ name: "k", tensors: {}, scalars: {}, wgsl: { source: "" }, ...o })),
    ],
    randomNormal: [row("stream", (o) => core.randomNormal(device.empty([4]), { seed: 1, ...o }))],
    randomUniform: [row("seed", (o) => core.randomUniform(device.empty([4]), { seed: 1, ...o }))],
    "Device.tensor": [row("dtype", (o) => device.tensor([1], [1], o))],
    "Device.empty": [row("label", (o) => device.empty([1], o))],
    "Device.zeros": [row("dtype", (o) => device.zeros([1], o))],
    "Device.full": [row("dtype", (o) => device.full([1], 1, o))],
    "Device.randomNormal": [row("std", (o) => device.randomNormal([4], { seed: 1, ...o }))],
    "Device.randomUniform": [row("dtype", (o) => device.randomUniform([4], { seed: 1, ...o }))],
    "Device.copy": [row("count", (o) => device.copy(x, x, o))],
    "Device.profile": [row("detail", (o) => device.profile(() => 1, o))],
    "Device.run": none, // see `bindCall`: a launch is checked against its kernel
    "Device.adoptGPUBuffer": [row("shape", (o) => device.adoptGPUBuffer({} as never, { shape: [1], ...o }), true)],
    ...all("Device.write Device.warmup Device.dryRun Device.attempt Device.scope Device.sync"),
    ...all("Device.stats Device.resetPeak Device.trim"),
    ...all("Device.interpose Device.dispose Device.adopt Device.readBytes Device.gpuBufferOf"),
    ...all("Device.emptyBuffer Device.sliceOf castJoined gradientPlaces joinedLike joinTensors joinedRuns"),
    "Tensor.data": [row("end", (o) => x.data(o))],
    "Tensor.bytes": [row("begin", (o) => x.bytes(o))],
    ...all("Tensor.item Tensor.alias Tensor.detachedAlias Tensor.dispose Tensor.toString"),

    ...all(
      "relu sigmoid silu tanh mergeAttention add mul sub scale square embedding softmax clipGradNorm clipScale gradNorm",
    ),
    ...all("div exp log abs where gather permute transpose"),
    slice: [row("begin", (o) => kernels.slice(x, o))],
    concat: [row("axis", (o) => kernels.concat([x, x], o))],
    topK: [row("axis", (o) => kernels.topK(x, 2, o))],
    argmax: [row("axis", (o) => kernels.argmax(x, o))],
    gelu: [row("approximate", (o) => kernels.gelu(x, o))],
    attention: [row("causal", (o) => kernels.attention(q, q, q, o))],
    dilatedAttention: [row("headOffset", (o) => kernels.dilatedAttention(q, q, q, { branches, ...o }))],
    geometricBranches: [row("maxDilation", (o) => kernels.geometricBranches({ from: 2, to: 4, ...o }))],
    attentionFlops: [row("causal", (o) => kernels.attentionFlops({ N: 4, H: 2, D: 4 }, { branches, ...o }))],
    coverage: [row("branches", (o) => kernels.coverage({ N: 4, H: 2 }, { branches, ...o }))],
    liveRows: [row("heads", (o) => kernels.liveRows({ N: 4, H: 2 }, { branches, ...o }))],
    crossEntropy: [row("ignoreIndex", (o) => kernels.crossEntropy(x, targets, o))],
    linearCrossEntropy: [row("labelSmoothing", (o) => kernels.linearCrossEntropy(x, x, targets, o))],
    dropout: [row("stream", (o) => kernels.dropout(x, { p: 0.5, seed: 1, ...o }))],
    checkTokens: [row("allow", (o) => kernels.checkTokens([1], 2, o))],
    glu: [row("activation", (o) => kernels.glu(x, x, { activation: "silu", ...o }))],
    linear: [row("activation", (o) => kernels.linear(x, x, undefined, o))],
    matmul: [row("transposeB", (o) => kernels.matmul(x, x, { transposeB: true, ...o }))],
    layerNorm: [row("eps", (o) => kernels.layerNorm(x, undefined, undefined, o))],
    rmsNorm: [row("eps", (o) => kernels.rmsNorm(x, undefined, o))],
    adamWStep: [row("weightDecay", (o) => kernels.adamWStep(x, x, x, x, { lr: 0, step: 1, ...o }))],
    sgdStep: [row("weightDecay", (o) => kernels.sgdStep(x, x, undefined, { lr: 0, ...o }))],
    rope: [row("base", (o) => kernels.rope(q, o))],
    xpos: [row("scaleBase", (o) => kernels.xpos(q, o))],
    sinusoidPositions: [row("interleaved", (o) => kernels.sinusoidPositions(device, 2, 4, o))],
    max: [row("axis", (o) => kernels.max(x, o))],
    maskedMean: none,
    nextTokens: [row("cuSeqlens", (o) => kernels.nextTokens(tokens, o))],
    mean: [row("axis", (o) => kernels.mean(x, o))],
    sum: [row("axis", (o) => kernels.sum(x, o))],
    ...all("appendToCache decodeAttention tuningStore tuned loadTuning saveTuning formatTuning"),
    dilated: [row("queryOffset", (o) => dilated({ N: 4, H: 2 }, { branches, ...o }))],
    attendPart: [row("softcap", (o) => attendPart(q, q, q, { schedule: dilated({ N: 4, H: 2 }, { branches }), ...o }))],
    attendPartBackward: [
      row("softcap", (o) => {
        const schedule = dilated({ N: 4, H: 2 }, { branches });
        return attendPartBackward(q, q, q, { ...attendPart(q, q, q, { schedule }), dout: q }, { schedule, ...o });
      }),
    ],
    createDecodeCache: [row("layers", (o) => decode.createDecodeCache(device, plan(), o).dispose())],
    decodePlanBytes: [row("dtype", (o) => decode.decodePlanBytes(plan(), o))],
    decodePlan: [row("xposScaleBase", (o) => decode.decodePlan({ H: 2, D: 4 }, { branches, ...o }))],
    tune: [row("workloads", (o) => tune(device, o), true)],

    ...sparseCalls(row, all),

    createAttention: [row("heads", (o) => models.createAttention(device, { kind: "dense", dim: 8, heads: 2, ...o }))],
    "MultiheadDilatedAttention.forward": [row("dropoutSeed", (o) => attention.forward(vectors, o))],
    ...all("MultiheadDilatedAttention.withParameters MultiheadDilatedAttention.dispose"),
    ...causal("CausalModel"),
    "LongNetEncoder.forward": [row("keyMask", (o) => encoder.forward(vectors, o))],
    "LongNetEncoder.states": [row("keyMask", (o) => encoder.states(vectors, o))],
    ...all("LongNetEncoder.project LongNetEncoder.withParameters LongNetEncoder.dispose"),
    "LongNet.hidden": [row("sourceMask", (o) => pair.hidden(tokens, vectors, o))],
    "LongNet.encode": [row("sourceMask", (o) => pair.encode(tokens, o))],
    "LongNet.decode": [row("sourceMask", (o) => pair.decode(tokens, vectors, o))],
    "LongNet.forward": [row("sourceMask", (o) => pair.forward(tokens, tokens, o))],
    "LongNet.loss": [row("dropoutSeed", (o) => pair.loss({ source: tokens, target: tokens }, o))],
    "LongNet.dispose": none,
    "LongNetViT.forward": [
      row("dropoutSeed", (o) => vit.forward(slides, o)),
      row("coordinates", (o) => vit.forward({ ...slides, ...o })),
    ],
    "LongNetViT.allLayers": [row("dropoutSeed", (o) => vit.allLayers(slides, o))],
    "LongNetViT.tileStates": [row("dropoutSeed", (o) => vit.tileStates(slides, o))],
    ...all("LongNetViT.withParameters LongNetViT.dispose"),
    ...all("Initializer.normal Initializer.xavier Initializer.constant Initializer.all"),

    encodeTraining: [row("optimizer", (o) => models.encodeTraining({ model: lm, optimizer, state: state(), ...o }))],
    restoreTraining: [
      row("optimizer", (o) => models.restoreTraining(new Uint8Array(), { model: lm, optimizer, ...o }), true),
    ],
    decodeTraining: [
      row("optimizer", (o) => models.decodeTraining(new Uint8Array(), { model: lm, optimizer, ...o }), true),
    ],
    writeModel: [row("maxShardBytes", (o) => models.writeModel(store, lm, o))],
    readModel: [row("config", (o) => models.readModel(device, store, o))],
    openWeights: [row("signal", (o) => models.openWeights(store, o))],
    readStateDict: [row("signal", (o) => models.readStateDict(store, o))],
    writeWeights: [row("metadata", (o) => models.writeWeights(models.memoryStore(), [["x", x]], o))],
    urlSource: [row("headers", (o) => models.urlSource("http://localhost/", o))],
    decodeCacheBytes: [row("cacheDtype", (o) => models.decodeCacheBytes(config, 1, o))],
    openDecoder: [row("cacheDtype", (o) => models.openDecoder(lm, 1, { length: 8, ...o }))],
    estimate: [row("precision", (o) => models.estimate({ kind: "longnet-lm", ...sizes }, { N: 8, ...o }), true)],
    suggestBranches: [row("pairs", (o) => models.suggestBranches(64, 4, o))],
    createModel: [row("branches", (o) => models.createModel(device, { kind: "longnet-lm", ...sizes, ...o }))],
    classify: [
      row("seed", (o) => models.classify(x, models.initHead(init, { dim: 4, out: 2 }), { p: 0.1, seed: 1, ...o })),
    ],
    initHead: [row("norm", (o) => models.initHead(init, { dim: 4, out: 2, ...o }))],
    depthGains: [row("layers", (o) => models.depthGains("sub", { role: "encoder", layers: 2, ...o }))],
    initAttention: [row("inner", (o) => models.initAttention(init, config, o, "a"))],
    multiheadDilatedAttention: [
      row("attend", (o) => models.multiheadDilatedAttention(vectors, attention.parameters, config, { branches, ...o })),
    ],
    initFeedForward: [row("gain", (o) => models.initFeedForward(init, config, o, "f"))],
    transformerLayer: [
      row("alpha", (o) =>
        models.transformerLayer(vectors, layer(), config, { attention: { branches }, alpha: 1, ...o }),
      ),
    ],
    initStack: [row("cross", (o) => models.initStack(init, config, { role: "decoder", layers: 1 }, o))],
    runStack: [
      row("causal", (o) =>
        models.runStack(device.full([1, 4, 8], 0.1), { layers: [layer()] }, config, {
          causal: true,
          depth: { role: "decoder", layers: 1 },
          ...o,
        }),
      ),
    ],
    resolveLongNetDecoder: [row("heads", (o) => models.resolveLongNetDecoder({ ...stack, ...o }))],
    resolveLongNetEncoder: [row("heads", (o) => models.resolveLongNetEncoder({ ...sizes, ...o }))],
    resolveLongNet: [row("sharedEmbedding", (o) => models.resolveLongNet({ encoder: stack, decoder: stack, ...o }))],
    resolveLongNetLM: [row("heads", (o) => models.resolveLongNetLM({ ...stack, ...o }))],
    resolveLongNetViT: [row("tileDim", (o) => models.resolveLongNetViT({ ...sizes, tileDim: 4, ...o }))],
    createLongNetDecoder: [row("seed", (o) => models.createLongNetDecoder(device, stack, o))],
    createLongNetEncoder: [row("seed", (o) => models.createLongNetEncoder(device, sizes, o))],
    createLongNet: [row("seed", (o) => models.createLongNet(device, { encoder: stack, decoder: stack }, o))],
    createLongNetLM: [row("seed", (o) => models.createLongNetLM(device, stack, o))],
    createLongNetViT: [row("seed", (o) => models.createLongNetViT(device, { ...sizes, tileDim: 4 }, o))],
    readPth: [row("maxBytes", (o) => models.readPth(new Uint8Array(8), o), true)],
    drawToken: [row("topK", (o) => models.drawToken(new Float32Array(4), o, 0.5))],
    generate: [
      row("temperature", (o) => models.generate(lm, [1], { count: 1, ...o }).next()),
      row("start", (o) => models.generate(pair, [1], { count: 1, ...o }).next()),
    ],
    generateBatch: [
      row("repetitionPenalty", (o) => models.generateBatch(lm, [[1]], { count: 1, ...o }).next()),
      row("start", (o) => models.generateBatch(pair, [[1]], { count: 1, ...o }).next()),
    ],
    loadTokenizer: [row("vocab", (o) => models.loadTokenizer("{}", "{}", o), true)],
    byteBatches: [row("seq", (o) => models.byteBatches(new Uint8Array(99), { seq: 8, ...o }))],
    tokenBatches: [row("vocab", (o) => models.tokenBatches(new Uint8Array(99), { vocab: 9, seq: 8, ...o }))],
    torchscaleConfig: [row("encoder_layers", (o) => models.torchscaleConfig("longnet-encoder", o as never), true)],
    fromTorchscale: [
      row(
        "unexpected",
        (o) => models.fromTorchscale(device, new Map(), { kind: "longnet-encoder", config: sizes, ...o }),
        true,
      ),
    ],
    loadTorchscale: [
      row(
        "unexpected",
        (o) => models.loadTorchscale(device, new Map(), { kind: "longnet-encoder", config: sizes, ...o }),
        true,
      ),
    ],
    importTorchscale: [
      row(
        "positions",
        (o) => models.importTorchscale(device, new Map(), { kind: "longnet-encoder", config: sizes, ...o }),
        true,
      ),
      row(
        "seed",
        (o) => models.importTorchscale(device, new Map(), { kind: "longnet-encoder", config: sizes }, o),
        true,
      ),
    ],
    resizePositions: [row("scale", (o) => models.resizePositions([1, 2, 3, 4], { from: [2, 2], to: [3, 3], ...o }))],
    adamW: [row("weightDecay", (o) => models.adamW({ lr: 1, ...o }))],
    sgd: [row("momentum", (o) => models.sgd({ lr: 1, ...o }))],
    oneCycle: [row("total", (o) => models.oneCycle({ peak: 1, total: 9, ...o }))],
    warmupConstant: [row("warmup", (o) => models.warmupConstant({ peak: 1, ...o }))],
    warmupCosine: [row("floor", (o) => models.warmupCosine({ peak: 1, total: 9, ...o }))],
    warmupInverseSqrt: [row("peak", (o) => models.warmupInverseSqrt({ peak: 1, ...o }))],
    warmupLinear: [row("total", (o) => models.warmupLinear({ peak: 1, total: 9, ...o }))],
    initTraining: [row("precision", (o) => models.initTraining(lm, optimizer, o))],
    train: [
      row("accumulate", (o) =>
        models.train(lm, () => ({ tokens: [1, 2, 3], shape: [1, 3] as const }), { optimizer, steps: 1, ...o }).next(),
      ),
    ],
    ...all("directoryStore memoryStore decodeStep prefill embed poolTokens magnetoGain feedForward dropPath padTokens"),
    ...all("prependToken sliceTokens slideBranches imagePatches configSchema bitsPerByte heldOutLoss unigramEntropy"),
    ...all("decodeStream streamDecoder byteTokenizer checkVocabulary torchscaleEntries toTorchscale disposeTraining"),
    ...all("withParameters initLayer"),

    ...all("readCheckpoint writeCheckpoint openFolder metricsOf readMetrics"),
    openMetrics: [row("after", async (o) => (await node.openMetrics(join(folder, "log"), o)).close())],
    saveModel: [row("maxShardBytes", (o) => node.saveModel(folder, lm, o))],
    loadModel: [row("config", (o) => node.loadModel(device, folder, o))],
    openPlot: [row("title", async (o) => (await node.openPlot(o)).close())],
    writeReport: [row("loss", (o) => node.writeReport(join(folder, "page.html"), [], o))],
  };
}
