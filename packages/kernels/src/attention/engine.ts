import type { Tensor } from "@dilated/core";
import type { ResolvedAttention } from "./pattern/options.ts";
import type { Schedule } from "./schedule/schedule.ts";

/** Operands of an attention call, checked: q [B, N, H, D]; k [B, M, G, D]; v [B, M, G, Dv]; mask [B, M] u32. */
export interface AttentionOperands {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly mask: Tensor | undefined;
}

/**
 * What the engine is told beside the operands: sizes, numbers, and the schedule that says which keys each query sees.
 */
export interface AttentionCall
  extends Pick<
    ResolvedAttention,
    "B" | "N" | "M" | "H" | "G" | "D" | "Dv" | "scale" | "softcap" | "outScale" | "dropout"
  > {
  /** Name of the public function, for messages. */
  readonly caller: string;
  readonly schedule: Schedule;
}

/** out [B, N, H, Dv]; lse [B, H, N] f32. */
export interface AttentionState {
  readonly out: Tensor;
  readonly lse: Tensor;
}

/**
 * LSE of a row that sees no key: stands for minus infinity, finite because WGSL may assume that there are no
 * infinities.
 */
export const EMPTY_LSE: number = -1e30;

/** Where a forward pass leaves its results. */
export interface ForwardTarget {
  /**
   * A state over other keys of the same queries, which is merged with these in place, in f32, and given back.
   * @defaultValue new tensors
   */
  readonly into?: AttentionState | undefined;
  /**
   * dtype of a new `out`: f32 for parts that are merged later, so that nothing is rounded on the way. @defaultValue
   * that of q
   */
  readonly dtype?: "f32" | "f16" | undefined;
}

/**
 * What backward is given besides the operands. `out` and `lse` are those of all keys, where the operands hold a part of
 * them.
 */
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
  forward(operands: AttentionOperands, call: AttentionCall, target?: ForwardTarget): AttentionState;
  /** @param into - Gradients to add to, in place, as far as they are needed; f32, or the dtype of the operands. */
  backward(
    operands: AttentionOperands,
    pull: AttentionPull,
    call: AttentionCall,
    into?: AttentionGradients,
  ): AttentionGradients;
}

/** The same call with one part of its schedule alone. */
export function partAlone(call: AttentionCall, index: number): AttentionCall {
  return { ...call, schedule: call.schedule.parts[index] as Schedule };
}
