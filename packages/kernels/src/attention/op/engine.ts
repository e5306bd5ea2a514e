import type { Tensor } from "@dilated/core";
import type { ResolvedAttention } from "./options.ts";

/** Operands of an attention call, checked: q [B, N, H, D]; k, v [B, N, G, D]; mask [B, N] u32. */
export interface AttentionOperands {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly mask: Tensor | undefined;
}

/** out [B, N, H, D] in the dtype of q; lse [B, H, N] f32. */
export interface AttentionState {
  readonly out: Tensor;
  readonly lse: Tensor;
}

/** What backward is given besides the operands. */
export interface AttentionPull extends AttentionState {
  readonly dout: Tensor;
  /** Gradient of lse. */
  readonly dlse: Tensor | undefined;
  readonly needsQuery: boolean;
  readonly needsKey: boolean;
}

export interface AttentionGradients {
  readonly dq: Tensor | undefined;
  readonly dk: Tensor | undefined;
  readonly dv: Tensor | undefined;
}

/** How one backend computes attention. Both methods only queue work, and free every temporary that they make. */
export interface AttentionEngine {
  forward(operands: AttentionOperands, resolved: ResolvedAttention): AttentionState;
  backward(operands: AttentionOperands, pull: AttentionPull, resolved: ResolvedAttention): AttentionGradients;
}

/** The detached gradient differs from the exact one only where a row may have keys of several branches. */
export function isDetached(resolved: ResolvedAttention): boolean {
  return resolved.detached && !resolved.partitioned && resolved.branches.length > 1;
}

/** The same call with one of its branches alone. */
export function branchAlone(resolved: ResolvedAttention, index: number): ResolvedAttention {
  return { ...resolved, branches: resolved.branches.slice(index, index + 1) };
}
