import { checkCall, field, type Tensor } from "@dilated/core";
import { ATTENTION_OPTIONS, KEY_MASK, OPERANDS } from "../pattern/validate.ts";
import { type AttentionResult, type DilatedAttentionCall, runAttention } from "./dilated-attention.ts";

/** Options of {@link attention}: those of dilated attention that mean something with one branch that covers everything. */
export type AttentionOptions = Omit<
  DilatedAttentionCall,
  "branches" | "headOffset" | "remainder" | "gradient" | "heads"
>;

const { branches: _, headOffset: _o, remainder: _r, gradient: _g, heads: _h, ...own } = ATTENTION_OPTIONS;
const options = field.options<AttentionOptions>({ ...own, keyMask: KEY_MASK });
/** One segment, longer than any sequence. */
const EVERYTHING = [{ segment: 2 ** 31 - 1, dilation: 1 }];

const ARGUMENTS = { ...OPERANDS, options };

/**
 * Dense (flash) attention, softmax(scale·q·kᵀ)·v: dilated attention with one segment of all tokens and dilation 1. Queued; differentiable
 * in q, k and v through `out` and `lse`. Memory is O(N), work O(N²).
 *
 * @param q - `[B, N, H, D]`, f32 or f16; D a multiple of 4 up to 256
 * @param k - `[B, M, G, D]`, G divides H
 * @param v - `[B, M, G, Dv]`; Dv, a multiple of 4 up to 256, may be another head dim than D
 * @throws as {@link dilatedAttention}
 *
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { attention } from "@dilated/kernels";
 * const device = await openDevice();
 * const q = device.randomNormal([1, 128, 4, 32], { seed: 1 });
 * const { out } = attention(q, q, q, { causal: true });
 * device.dispose();
 * ```
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): AttentionResult {
  checkCall("attention", ARGUMENTS, arguments);
  return runAttention("attention", q, k, v, { ...options, branches: EVERYTHING });
}
