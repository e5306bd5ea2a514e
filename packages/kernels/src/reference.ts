/**
 * The definition of dilated attention in float64 and plain loops: for checking kernels, not for speed.
 * @module
 */

export { resolveAttentionOptions } from "./attention/op/options.ts";
export {
  attentionGradientReference,
  attentionReference,
  type BranchKeys,
  keysOfRow,
  naiveHalfAttention,
} from "./attention/oracle/dilated.ts";
export type { HalfAttention } from "./attention/oracle/half.ts";
export { resolvePattern } from "./attention/pattern/coverage.ts";
