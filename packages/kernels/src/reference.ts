/**
 * The definition of dilated attention in float64 and plain loops: for checking kernels, not for speed.
 * @module
 */

export { resolvePattern } from "./attention/op/coverage.ts";
export {
  attentionGradientReference,
  attentionReference,
  type BranchKeys,
  keysOfRow,
  naiveHalfAttention,
} from "./attention/oracle/dilated.ts";
export type { HalfAttention } from "./attention/oracle/half.ts";
export { resolveAttentionOptions } from "./attention/pattern/options.ts";
