import { ShapeError, type Tensor } from "@dilated/core";
import type {
  AttentionCall,
  AttentionGradients,
  AttentionOperands,
  AttentionPull,
  AttentionState,
  ForwardTarget,
} from "../engine.ts";
import type { ResolvedDropout } from "../pattern/options.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { engineOf } from "./operation.ts";

/** Options of {@link attendPart}. */
export interface PartOptions {
  readonly schedule: Schedule;
  /** Factor of q·k. @defaultValue 1 / sqrt(D) */
  readonly scale?: number | undefined;
  readonly softcap?: number | undefined;
  readonly dropout?: ResolvedDropout | undefined;
  /** [B, M] u32, 0 hides a key. @defaultValue every key counts */
  readonly mask?: Tensor | undefined;
}

/**
 * The engine's one entry: attention of q [B, N, H, D] over the keys k, v [B, M, G, D] that a schedule names, which may
 * be some of all; `lse` then says how much they weigh, and `into` merges them with others, in f32. Queued; not
 * differentiable by itself: see {@link attendPartBackward}.
 *
 * @throws ShapeError when the schedule was made for other lengths or heads.
 */
export function attendPart(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { into, dtype, ...options }: PartOptions & ForwardTarget,
): AttentionState {
  const operands: AttentionOperands = { q, k, v, mask: options.mask };
  return engineOf(q.device).forward(operands, partCall("attendPart", operands, options), { into, dtype });
}

/**
 * Gradients of a part for the `lse` and `out` of all parts together, which make its weights P = exp(s - lse) those of
 * the joint softmax.
 *
 * @param into - Gradients to add to, in place.
 */
export function attendPartBackward(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { out, lse, dout, dlse }: AttentionState & { readonly dout: Tensor; readonly dlse?: Tensor | undefined },
  { into, ...options }: PartOptions & { readonly into?: AttentionGradients | undefined },
): AttentionGradients {
  const operands: AttentionOperands = { q, k, v, mask: options.mask };
  const pull: AttentionPull = { out, lse, dout, dlse, needsQuery: true, needsKey: true };
  return engineOf(q.device).backward(operands, pull, partCall("attendPartBackward", operands, options), into);
}

function partCall(caller: string, { q, k, v }: AttentionOperands, options: PartOptions): AttentionCall {
  const { schedule, scale, softcap = null, dropout = null } = options;
  const [B = 0, N = 0, H = 0, D = 0] = q.shape;
  const [, M = 0, G = 0] = k.shape;
  const fits = schedule.N === N && schedule.M === M && schedule.H === H && schedule.G === G;
  if (!fits || v.shape.join() !== k.shape.join()) {
    throw new ShapeError(`${caller}: the schedule was made for other tensors`, {
      details: [
        `schedule: N = ${schedule.N}, M = ${schedule.M}, H = ${schedule.H}, G = ${schedule.G}`,
        `q: ${q.shape.join(", ")}; k: ${k.shape.join(", ")}; v: ${v.shape.join(", ")}`,
      ],
      fix: "make a schedule for these lengths and heads",
    });
  }
  return { B, N, M, H, G, D, scale: scale ?? 1 / Math.sqrt(D), softcap, outScale: 1, dropout, caller, schedule };
}
