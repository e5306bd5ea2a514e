/**
 * The definition of dilated attention in float64 and plain loops: for checking kernels, not for speed.
 * @module
 */

export type { AttentionCall } from "./attention/engine.ts";
export { resolvePattern } from "./attention/op/coverage.ts";
export {
  attentionErrorBounds,
  attentionGradientReference,
  attentionReference,
  type BranchKeys,
  keysOfRow,
  naiveHalfAttention,
} from "./attention/oracle/dilated.ts";
export { callErrorBounds, type ErrorBounds, type ErrorBoundsOptions } from "./attention/oracle/error-bounds.ts";
export { type HalfAttention, naiveHalfCall } from "./attention/oracle/half.ts";
export {
  callGradientReference,
  callReference,
  type ReferenceGradients,
  type ReferenceInputs,
  type ReferenceOutput,
} from "./attention/oracle/reference.ts";
export { type ResolvedAttention, resolveAttentionOptions, type Shaped } from "./attention/pattern/options.ts";
