/**
 * The definition of dilated attention in float64 and plain loops: for checking kernels, not for speed.
 * @module
 */

export { resolveAttentionOptions } from "./attention/op/options.ts";
export { type HalfAttention, naiveHalfAttention } from "./attention/oracle/half.ts";
export {
  attentionGradientReference,
  attentionReference,
  type BranchKeys,
  keysOfRow,
} from "./attention/oracle/reference.ts";
export { resolvePattern } from "./attention/pattern/coverage.ts";
