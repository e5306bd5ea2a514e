export type {
  AttentionKind,
  MultiheadConfig,
  MultiheadConfigByKind,
  MultiheadOptions,
} from "./attention/config.ts";
export { type CreateAttentionOptions, createAttention } from "./attention/create.ts";
export { MultiheadDilatedAttention, type MultiheadForwardOptions } from "./attention/module.ts";
export {
  decodeTraining,
  encodeTraining,
  type RestoredTraining,
  restoreTraining,
  type TrainingRun,
  type TrainingSnapshot,
} from "./checkpoint/checkpoint.ts";
export { type DirectoryHandleLike, directoryStore } from "./checkpoint/directory-store.ts";
export {
  type ReadModelOptions,
  readModel,
  type SavedModel,
  type WriteModelOptions,
  writeModel,
} from "./checkpoint/model.ts";
export {
  openWeights,
  type ReadWeightsOptions,
  readStateDict,
  type WeightShard,
  type Weights,
} from "./checkpoint/read-weights.ts";
export { type ModelSource, type ModelStore, memoryStore } from "./checkpoint/store.ts";
export {
  type FetchInit,
  type FetchLike,
  type FetchResponse,
  type UrlSourceOptions,
  urlSource,
} from "./checkpoint/url-source.ts";
export { type TensorSource, type WriteWeightsOptions, writeWeights } from "./checkpoint/write-weights.ts";
export { type CachedConfig, type CacheOptions, decodeCacheBytes } from "./decode/cache-plan.ts";
export { type Decodable, type Decoder, decodeStep, openDecoder, prefill } from "./decode/decoder.ts";
export { type Estimate, type EstimateOptions, estimate } from "./estimate/estimate.ts";
export { type BranchBudget, suggestBranches } from "./estimate/suggest.ts";
export { createModel, type ModelOptions } from "./factory.ts";
export { classify, embed, type HeadOptions, type HeadParameters, initHead, poolTokens } from "./heads/heads.ts";
export { type DepthGains, depthGains, magnetoGain, type StackDepth } from "./init/magneto.ts";
export {
  type Attend,
  type AttentionParameters,
  type AttentionShape,
  initAttention,
  type MultiheadCall,
  multiheadDilatedAttention,
  type Recall,
} from "./layers/attention-block.ts";
export type { InputConfig, InputParameters } from "./layers/embedding.ts";
export {
  type FeedForwardParameters,
  type FeedForwardShape,
  feedForward,
  initFeedForward,
} from "./layers/feed-forward.ts";
export { dropPath, type NoisePlan } from "./layers/noise.ts";
export { Initializer, type InitOptions, type LinearParameters, type NormParameters } from "./layers/parameters.ts";
export type { PositionKind } from "./layers/positions.ts";
export { padTokens, prependToken, sliceTokens } from "./layers/tokens.ts";
export { initLayer, type LayerCall, type LayerParameters, transformerLayer } from "./layers/transformer-layer.ts";
export { CausalModel, type CausalParameters } from "./longnet/causal-model.ts";
export {
  type LongNetDecoderConfig,
  type LongNetDecoderOptions,
  resolveLongNetDecoder,
} from "./longnet/decoder.config.ts";
export { createLongNetDecoder, LongNetDecoder } from "./longnet/decoder.ts";
export {
  type LongNetEncoderConfig,
  type LongNetEncoderOptions,
  resolveLongNetEncoder,
} from "./longnet/encoder.config.ts";
export { createLongNetEncoder, LongNetEncoder, type LongNetEncoderParameters } from "./longnet/encoder.ts";
export { type LongNetConfig, type LongNetOptions, resolveLongNet } from "./longnet/longnet.config.ts";
export {
  createLongNet,
  LongNet,
  type LongNetForwardOptions,
  type LongNetParameters,
  type SourceAndTarget,
} from "./longnet/longnet.ts";
export { type LongNetLMConfig, type LongNetLMOptions, resolveLongNetLM } from "./longnet-lm/config.ts";
export { createLongNetLM, LongNetLM, type LongNetLMParameters } from "./longnet-lm/model.ts";
export { LONGNET_LM_PRESETS } from "./longnet-lm/presets.ts";
export type { TokenInputs } from "./longnet-lm/tokens.ts";
export {
  type LongNetViTConfig,
  type LongNetViTOptions,
  resolveLongNetViT,
  slideBranches,
} from "./longnet-vit/config.ts";
export type { TileCoordinates } from "./longnet-vit/grid.ts";
export { createLongNetViT, LongNetViT, type LongNetViTParameters, type Slides } from "./longnet-vit/model.ts";
export { type Image, type ImagePatches, imagePatches } from "./longnet-vit/patches.ts";
export { type EncoderPreset, PRESETS, type PresetByKind, type ViTPreset } from "./presets.ts";
export { type PthFile, type ReadPthOptions, readPth } from "./pth/read.ts";
export type { Model, ModelByKind, ModelKind, OptionsByKind } from "./registry.ts";
export { drawToken, type SamplingOptions } from "./sample/filter.ts";
export { generate } from "./sample/generate.ts";
export { type GenerateResult, generateBatch } from "./sample/generate-batch.ts";
export type { GenerateOptions, TargetOptions } from "./sample/options.ts";
export type { FinishReason } from "./sample/stop.ts";
export { configSchema } from "./schema/config-schema.ts";
export type { ActivationKind, NormPlacement, StackConfig, StackOptions } from "./stack/config.ts";
export { type ForwardOptions, initStack, runStack, type StackCall, type StackParameters } from "./stack/stack.ts";
export { bitsPerByte, heldOutLoss, unigramEntropy } from "./text/bits-per-byte.ts";
export { decodeStream, type StreamDecoder, streamDecoder } from "./text/decode-stream.ts";
export { type LoadTokenizerOptions, loadTokenizer } from "./text/hugging-face.ts";
export { byteBatches, type TokenBatchOptions, tokenBatches, type WindowOptions } from "./text/token-batches.ts";
export { byteTokenizer, checkVocabulary, type Tokenizer } from "./text/tokenizer.ts";
export { type TorchscaleConfigs, torchscaleConfig } from "./torchscale/args.ts";
export { type TorchscaleEntry, torchscaleEntries } from "./torchscale/entries.ts";
export { toTorchscale } from "./torchscale/export.ts";
export {
  type FromTorchscaleOptions,
  fromTorchscale,
  type ImportedModel,
  type ImportTorchscaleOptions,
  importTorchscale,
  loadTorchscale,
  TORCHSCALE_COMPATIBILITY,
} from "./torchscale/import.ts";
export type { StateProblem } from "./torchscale/report.ts";
export { type ResizePositionsOptions, resizePositions } from "./torchscale/resize.ts";
export type { StateDict, StateTensor } from "./torchscale/state.ts";
export type { Batches, HostArray, MaskedTokenBatch, OnDevice, TokenArray, TokenBatch } from "./train/batch.ts";
export type { EvaluateOptions, EvaluationCall } from "./train/evaluate.ts";
export type { LossScale, LossScaleOptions } from "./train/loss-scale.ts";
export {
  type AdamWOptions,
  adamW,
  type Optimizer,
  type OptimizerState,
  type SGDOptions,
  sgd,
  type UpdateCall,
} from "./train/optimizer.ts";
export type { TrainOptions } from "./train/options.ts";
export type { TrainStep } from "./train/report.ts";
export {
  type OneCycleOptions,
  oneCycle,
  type Schedule,
  type WarmupDecayOptions,
  type WarmupOptions,
  warmupConstant,
  warmupCosine,
  warmupInverseSqrt,
  warmupLinear,
} from "./train/schedule.ts";
export { disposeTraining, initTraining, type TrainSettings, type TrainState } from "./train/state.ts";
export { train } from "./train/train.ts";
export { type LossOptions, type Trainable, withParameters } from "./train/trainable.ts";
