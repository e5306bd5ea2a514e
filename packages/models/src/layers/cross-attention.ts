import { ConfigError, Tensor } from "@dilated/core";
import type { DilatedAttentionCall, KeyMask } from "@dilated/kernels";
import { padTokens } from "./tokens.ts";

/** Operands of attention: q [B, N, H, D], k and v [B, M, G, D]. */
export interface PaddedAttention {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly options: DilatedAttentionCall;
}

/**
 * Makes queries and keys equally many, as the kernel wants them: the shorter side gets zero rows behind it, and keys that are only padding are
 * masked. What padded queries give is the caller's to cut off.
 *
 * @throws ConfigError when sequences are packed and the lengths differ.
 */
export function padToSameLength({ q, k, v, options }: PaddedAttention): PaddedAttention {
  const [B = 1, N = 0] = q.shape;
  const M = k.shape[1] ?? 0;
  if (N === M) return { q, k, v, options };
  if (options.cuSeqlens) {
    throw new ConfigError("multiheadDilatedAttention: packed sequences need as many keys as queries", {
      details: [`queries: ${N}, keys: ${M}`],
      fix: "leave cuSeqlens out, or pad each sequence",
    });
  }
  const length = Math.max(N, M);
  const pad = (x: Tensor): Tensor => padTokens(x, 0, length - (x.shape[1] ?? 0));
  const keyMask = M < length || options.keyMask ? maskOf(q, { B, M, length, given: options.keyMask }) : undefined;
  return { q: pad(q), k: pad(k), v: pad(v), options: { ...options, keyMask } };
}

interface MaskRequest {
  readonly B: number;
  readonly M: number;
  readonly length: number;
  readonly given: KeyMask | undefined;
}

/** The mask [B, M] that was given, or ones, with zeros up to `length`. */
function maskOf({ device }: Tensor, { B, M, length, given }: MaskRequest): KeyMask {
  if (!(given instanceof Tensor)) {
    return Array.from({ length: B * length }, (_, i) => {
      const [b, t] = [Math.floor(i / length), i % length];
      return t < M && (given === undefined || Boolean(given[b * M + t]));
    });
  }
  const mask = device.zeros([B, length], { dtype: "u32", label: "key mask" });
  for (let b = 0; b < B; b++) device.copy(given, mask, { from: b * M, to: b * length, count: M });
  return mask;
}
