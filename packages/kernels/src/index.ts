export { type GeluOptions, gelu, relu, sigmoid, silu, tanh } from "./activation/activation.ts";
export { type AttentionOptions, attention } from "./attention/op/attention.ts";
export {
  type AttentionFlops,
  attentionFlops,
  type Coverage,
  coverage,
  type LiveRows,
  liveRows,
  type PatternShape,
} from "./attention/op/coverage.ts";
export {
  type AttentionResult,
  type DilatedAttentionCall,
  dilatedAttention,
  type KeyMask,
} from "./attention/op/dilated-attention.ts";
export { mergeAttention } from "./attention/op/merge.ts";
export { type GeometricBranchesOptions, geometricBranches } from "./attention/pattern/branches.ts";
export type { Branch, DilatedAttentionOptions } from "./attention/pattern/options.ts";
export { crossEntropy } from "./cross-entropy/cross-entropy.ts";
export { linearCrossEntropy } from "./cross-entropy/linear-cross-entropy.ts";
export type { CrossEntropyOptions } from "./cross-entropy/options.ts";
export { type DropoutOptions, dropout } from "./dropout/dropout.ts";
export { add, div, mul, sub } from "./elementwise/binary.ts";
export { abs, exp, log } from "./elementwise/exp.ts";
export { scale, square } from "./elementwise/scale.ts";
export { type CheckTokensOptions, checkTokens } from "./embedding/check-tokens.ts";
export { embedding } from "./embedding/embedding.ts";
export { gather } from "./gather/gather.ts";
export { type GluOptions, glu } from "./glu/glu.ts";
export { maskedMean } from "./masked-mean/masked-mean.ts";
export { type LinearOptions, linear } from "./matmul/linear.ts";
export { type MatmulOptions, matmul } from "./matmul/matmul.ts";
export { type NextTokensOptions, nextTokens } from "./next-tokens/next-tokens.ts";
export { layerNorm, type NormOptions, rmsNorm } from "./norm/norm.ts";
export { type AdamWStepOptions, adamWStep } from "./optimizer/adamw.ts";
export { type ClippedGrads, clipGradNorm, clipScale, gradNorm } from "./optimizer/clip.ts";
export { type SGDStepOptions, sgdStep } from "./optimizer/sgd.ts";
export type { StepOptions } from "./optimizer/step.ts";
export { type RopeOptions, rope } from "./position/rope.ts";
export { type SinusoidOptions, sinusoidPositions } from "./position/sinusoid.ts";
export { type XposOptions, xpos } from "./position/xpos.ts";
export { argmax } from "./reduce/argmax.ts";
export { max } from "./reduce/max.ts";
export type { ReduceOptions } from "./reduce/reduce.options.ts";
export { mean, sum } from "./reduce/reduce.ts";
export { type ConcatOptions, concat } from "./shape/concat.ts";
export { permute, transpose } from "./shape/permute.ts";
export { type SliceOptions, slice } from "./shape/slice.ts";
export { softmax } from "./softmax/softmax.ts";
export { type TopK, type TopKOptions, topK } from "./top-k/top-k.ts";
export { where } from "./where/where.ts";
