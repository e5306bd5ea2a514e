export { encodeTraining, restoreTraining, type TrainingSnapshot } from "./checkpoint/checkpoint.ts";
export { createModel, type ModelOptions } from "./factory.ts";
export { magnetoGain } from "./init/magneto.ts";
export type { PositionKind } from "./layers/attention-block.ts";
export { type LongNetLMConfig, type LongNetLMOptions, resolveLongNetLM } from "./longnet-lm/config.ts";
export { createLongNetLM, type ForwardOptions, LongNetLM, type LongNetLMParameters } from "./longnet-lm/model.ts";
export { LONGNET_LM_PRESETS } from "./longnet-lm/presets.ts";
export { drawToken, type SamplingOptions } from "./sample/filter.ts";
export { type GenerateOptions, generate } from "./sample/generate.ts";
export { bitsPerByte, unigramEntropy } from "./text/bits-per-byte.ts";
export { type ByteBatchOptions, byteBatches } from "./text/byte-batches.ts";
export {
  type AdamWOptions,
  adamW,
  type Optimizer,
  type OptimizerState,
  type SGDOptions,
  sgd,
} from "./train/optimizer.ts";
export { type Schedule, type WarmupCosineOptions, warmupCosine } from "./train/schedule.ts";
export {
  type Batches,
  initTraining,
  type Trainable,
  type TrainOptions,
  type TrainState,
  type TrainStep,
  train,
} from "./train/train.ts";
