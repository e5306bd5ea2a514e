import { f16ToF32, f32ToF16 } from "@dilated/core";
import type { AttentionCall } from "../engine.ts";
import {
  callGradientReference,
  callReference,
  type ReferenceGradients,
  type ReferenceInputs,
  type ReferenceOutput,
} from "./reference.ts";

/** The nearest f16. */
export function toHalf(value: number): number {
  return f16ToF32(f32ToF16([value]))[0] as number;
}

/** Results of the computation that rounds operands and every intermediate (scores, weights, their gradients, sums) to f16. */
export interface HalfAttention {
  readonly forward: ReferenceOutput;
  /** Present when `dout` was given. */
  readonly gradients: ReferenceGradients | undefined;
}

/**
 * Plain f16 attention: the measure of the 2x rule, by which f16 storage may be off at most twice as far as this (flash-attention's own test doctrine).
 *
 * @param dlse - Gradient of lse, [B, H, N]; only with `dout`.
 */
export function naiveHalfCall(
  inputs: ReferenceInputs,
  call: AttentionCall,
  dout?: ArrayLike<number>,
  dlse?: ArrayLike<number>,
): HalfAttention {
  const half = (values: ArrayLike<number>) => f16ToF32(f32ToF16(values));
  const rounded: ReferenceInputs = { q: half(inputs.q), k: half(inputs.k), v: half(inputs.v), keyMask: inputs.keyMask };
  return {
    forward: callReference(rounded, call, toHalf),
    gradients: dout && callGradientReference(rounded, half(dout), call, dlse, toHalf),
  };
}
