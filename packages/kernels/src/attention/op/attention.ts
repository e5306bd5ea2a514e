import { checkCall, field, ShapeError, type Tensor } from "@dilated/core";
import { type AttentionResult, type DilatedAttentionCall, runAttention } from "./dilated-attention.ts";
import { ATTENTION_OPTIONS, KEY_MASK, OPERANDS } from "./validate.ts";

/** Options of {@link attention}: those of dilated attention that mean something with one branch that covers everything. */
export type AttentionOptions = Pick<DilatedAttentionCall, "causal" | "scale" | "dropout" | "keyMask" | "cuSeqlens">;

const { causal, scale, dropout, cuSeqlens } = ATTENTION_OPTIONS;
const options = field.options<AttentionOptions>({ causal, scale, dropout, keyMask: KEY_MASK, cuSeqlens });
const ARGUMENTS = { ...OPERANDS, options };

/**
 * Dense (flash) attention, softmax(scale·q·kᵀ)·v: dilated attention with one segment of all tokens and dilation 1. Queued; differentiable
 * in q, k and v through `out` and `lse`. Memory is O(N), work O(N²).
 *
 * @param q - `[B, N, H, D]`, f32 or f16; D a multiple of 4 up to 256
 * @param k - `[B, N, G, D]`, G divides H
 * @param v - like k
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
  const tokens = q.shape[1];
  if (tokens === undefined)
    throw new ShapeError("attention: q must have shape [B, N, H, D]", {
      details: [`q: ${String(q)}`],
      fix: "reshape to four axes",
    });
  return runAttention("attention", q, k, v, { ...options, branches: [{ segment: Math.max(1, tokens), dilation: 1 }] });
}
