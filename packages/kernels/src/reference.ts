/**
 * The definition of dilated attention in float64 and plain loops: for checking kernels, not for speed.
 * @module
 */
export { type HalfAttention, naiveHalfAttention } from "./attention/attention.half.ts";
export { resolveAttentionOptions } from "./attention/attention.options.ts";
export {
  attentionGradientReference,
  attentionReference,
  type BranchKeys,
  keysOfRow,
} from "./attention/attention.reference.ts";
export { resolvePattern } from "./attention/coverage.ts";
