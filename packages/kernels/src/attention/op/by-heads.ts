import { cast, DilatedError, fill, type Tensor } from "@dilated/core";
import { moveInto } from "../../shape/move.ts";
import { putRuns, takeRuns } from "../../shared/parts.ts";
import { settle } from "../../shared/rows.ts";
import type {
  AttentionCall,
  AttentionEngine,
  AttentionGradients,
  AttentionOperands,
  AttentionPull,
  AttentionState,
  ForwardTarget,
} from "../engine.ts";

/** Query heads `[begin, begin + count)`, and the key/value heads that they read. */
interface HeadRange {
  readonly begin: number;
  readonly count: number;
  readonly keyBegin: number;
  readonly keyCount: number;
}

/**
 * An engine that goes by heads where those of all tokens that belong together are longer than a binding: by key/value
 * head, or by query head where these share one. Masks of dropout count heads, so calls with dropout are left alone.
 *
 * @param check - throws where a call is too long, given the words of statistics a head
 */
export function byHeads(
  engine: AttentionEngine,
  check: (call: AttentionCall, operands: AttentionOperands, statWords: number) => unknown,
): AttentionEngine {
  const rangesOf = (call: AttentionCall, operands: AttentionOperands, statWords: number): readonly HeadRange[] => {
    const { H, G, schedule, dropout } = call;
    try {
      check(call, operands, statWords);
      return [];
    } catch (error) {
      if (!DilatedError.is(error) || error.code !== "LIMIT" || H === 1 || dropout || !schedule.heads) throw error;
      const count = G > 1 ? H / G : 1;
      return Array.from({ length: H / count }, (_, i) => ({
        begin: i * count,
        count,
        keyBegin: G > 1 ? i : 0,
        keyCount: 1,
      }));
    }
  };

  const forward = (operands: AttentionOperands, call: AttentionCall, target: ForwardTarget = {}): AttentionState => {
    const ranges = rangesOf(call, operands, 0);
    if (ranges.length === 0) return engine.forward(operands, call, target);
    const { device, dtype } = operands.q;
    const { B, N, H, Dv } = call;
    const { into } = target;
    const out = into?.out ?? device.empty([B, N, H, Dv], { dtype: target.dtype ?? dtype, label: "attention out" });
    const lse = into?.lse ?? device.empty([B, H, N], { label: "attention lse" });
    for (const range of ranges) {
      device.scope(() => {
        const state = into && { out: takeHeads(out, H, range.begin, range.count), lse: takeLse(lse, call, range) };
        const made = forward(operandsOf(operands, call, range), callOf(call, range), { ...target, into: state });
        putHeads(made.out, out, H, range.begin, range.count);
        putRuns(made.lse, lse, lsePart(call, range));
      });
    }
    return { out, lse };
  };

  const backward = (
    operands: AttentionOperands,
    pull: AttentionPull,
    call: AttentionCall,
    into?: AttentionGradients,
  ): AttentionGradients => {
    const ranges = rangesOf(call, operands, 1 + call.schedule.parts.length);
    if (ranges.length === 0) return engine.backward(operands, pull, call, into);
    const { q, k, v } = operands;
    const { device, dtype } = q;
    const { H, G } = call;
    // Query heads that share a key/value head add to its gradients: in f32, rounded once.
    const start = (given: Tensor | undefined, like: Tensor, wanted: boolean) => {
      if (!wanted) return undefined;
      if (given) return given.dtype === "f32" ? given : cast(given, "f32");
      return fill(device.empty(like.shape, { label: "attention grad" }), 0);
    };
    const sums = device.scope(() => {
      const dq = start(into?.dq, q, pull.needsQuery);
      const [dk, dv] = [start(into?.dk, k, pull.needsKey), start(into?.dv, v, pull.needsKey)];
      for (const range of ranges) {
        device.scope(() => {
          const { begin, count, keyBegin, keyCount } = range;
          const heads = (x: Tensor) => takeHeads(x, H, begin, count);
          const keyHeads = (x: Tensor | undefined) => x && takeHeads(x, G, keyBegin, keyCount);
          const part: AttentionPull = {
            ...pull,
            out: heads(pull.out),
            lse: takeLse(pull.lse, call, range),
            dout: heads(pull.dout),
            dlse: pull.dlse && takeLse(pull.dlse, call, range),
          };
          const grads = { dq: dq && heads(dq), dk: keyHeads(dk), dv: keyHeads(dv) };
          backward(operandsOf(operands, call, range), part, callOf(call, range), grads);
          if (dq && grads.dq) putHeads(grads.dq, dq, H, begin, count);
          if (dk && grads.dk) putHeads(grads.dk, dk, G, keyBegin, keyCount);
          if (dv && grads.dv) putHeads(grads.dv, dv, G, keyBegin, keyCount);
        });
      }
      return { dq, dk, dv };
    });
    const finish = (sum: Tensor | undefined, given: Tensor | undefined): Tensor | undefined => {
      if (!sum || sum === given) return given;
      const made = settle(sum, given?.dtype ?? dtype);
      if (!given) return made;
      device.copy(made, given);
      made.dispose();
      return given;
    };
    return { dq: finish(sums.dq, into?.dq), dk: finish(sums.dk, into?.dk), dv: finish(sums.dv, into?.dv) };
  };
  return { forward, backward };
}

function callOf(call: AttentionCall, { begin, count, keyCount }: HeadRange): AttentionCall {
  const schedule = call.schedule.heads?.(begin, begin + count, keyCount) ?? call.schedule;
  return { ...call, H: count, G: keyCount, schedule };
}

function operandsOf(
  { q, k, v, mask }: AttentionOperands,
  { H, G }: AttentionCall,
  range: HeadRange,
): AttentionOperands {
  const { begin, count, keyBegin, keyCount } = range;
  const keys = (x: Tensor) => takeHeads(x, G, keyBegin, keyCount);
  return { q: takeHeads(q, H, begin, count), k: keys(k), v: keys(v), mask };
}

/** Heads of a tensor [B, N, heads, D]. */
function takeHeads(x: Tensor, heads: number, begin: number, count: number): Tensor {
  const [B = 1, N = 1, , D = 1] = x.shape;
  const part = x.device.empty([B, N, count, D], { dtype: x.dtype, label: x.label });
  const axes = [
    { n: B * N, from: heads * D, to: count * D },
    { n: count * D, from: 1, to: 1 },
  ];
  moveInto({ x, axes, from: begin * D }, part);
  return part;
}

function putHeads(part: Tensor, y: Tensor, heads: number, begin: number, count: number): void {
  const [B = 1, N = 1, , D = 1] = y.shape;
  const axes = [
    { n: B * N, from: count * D, to: heads * D },
    { n: count * D, from: 1, to: 1 },
  ];
  moveInto({ x: part, axes, to: begin * D }, y);
}

function lsePart({ B, H }: AttentionCall, { begin, count }: HeadRange) {
  return { lead: B, total: H, begin, count };
}

/** Heads of a tensor [B, H, N]. */
function takeLse(x: Tensor, call: AttentionCall, range: HeadRange): Tensor {
  const part = takeRuns(x, lsePart(call, range));
  const { storage, dtype, label, device } = part;
  const shaped = device.adopt({ storage: storage.retain(), shape: [call.B, range.count, call.N], dtype, label });
  part.dispose();
  return shaped;
}
