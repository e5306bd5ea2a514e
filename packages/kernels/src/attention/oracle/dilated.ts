import { callOf } from "../op/call.ts";
import type { ResolvedAttention } from "../pattern/options.ts";
import { keysOfRow as partsOfRow } from "../schedule/dilated/geometry.ts";
import { callErrorBounds, type ErrorBounds, type ErrorBoundsOptions } from "./error-bounds.ts";
import { type HalfAttention, naiveHalfCall } from "./half.ts";
import {
  callGradientReference,
  callReference,
  type ReferenceGradients,
  type ReferenceInputs,
  type ReferenceOutput,
} from "./reference.ts";

// The oracle for dilated attention.

/** What row (h, t) sees in one branch: real keys in order, and how many zero keys (score 0, value 0). */
export interface BranchKeys {
  readonly branch: number;
  readonly keys: readonly number[];
  readonly zeros: number;
}

/** The multiset of keys of query (h, t): one entry for each branch that it takes part in. Masks are not applied. */
export function keysOfRow(resolved: ResolvedAttention, h: number, t: number): BranchKeys[] {
  return partsOfRow(resolved, h, t).map(({ part, keys, zeros }) => ({ branch: part, keys, zeros }));
}

/** out = Σ P·factor·v over the multiset, P = exp(s - lse), s = scale·q·k. */
export function attentionReference(inputs: ReferenceInputs, resolved: ResolvedAttention): ReferenceOutput {
  return callReference(inputs, callOf(resolved));
}

/**
 * Gradients for `dout` [B, N, H, Dv]; see `callGradientReference`.
 *
 * @param dlse - Gradient that reaches the LSE, [B, H, N]. @defaultValue 0
 */
export function attentionGradientReference(
  inputs: ReferenceInputs,
  dout: ArrayLike<number>,
  resolved: ResolvedAttention,
  dlse?: ArrayLike<number>,
): ReferenceGradients {
  return callGradientReference(inputs, dout, callOf(resolved), dlse);
}

/**
 * The same in plain f16 arithmetic: the measure of the 2x rule, by which f16 storage may be off at most twice as far as
 * this.
 */
export function naiveHalfAttention(
  inputs: ReferenceInputs,
  resolved: ResolvedAttention,
  dout?: ArrayLike<number>,
  dlse?: ArrayLike<number>,
): HalfAttention {
  return naiveHalfCall(inputs, callOf(resolved), dout, dlse);
}

/** How far off kernels may be; see {@link callErrorBounds}. */
export function attentionErrorBounds(
  inputs: ReferenceInputs,
  dout: ArrayLike<number>,
  resolved: ResolvedAttention,
  options: ErrorBoundsOptions = {},
): ErrorBounds {
  return callErrorBounds(inputs, dout, callOf(resolved), options);
}
