import { cast, fill, type Tensor } from "@dilated/core";
import { sub } from "../../elementwise/binary.ts";
import {
  type AttentionCall,
  type AttentionEngine,
  type AttentionOperands,
  type AttentionPull,
  EMPTY_LSE,
  partAlone,
} from "../engine.ts";
import { runBackward, runForward, runRowDot, type Sums } from "./launch.ts";

/** Attention on the CPU. The kernels are f32: what is f16 is widened on the way in and rounded on the way out. */
export const wasmEngine: AttentionEngine = {
  forward(operands, call, { into, dtype = operands.q.dtype } = {}) {
    const { device } = operands.q;
    const wide = widen(operands);
    const out = into
      ? cast(into.out, "f32")
      : fill(device.empty([call.B, call.N, call.H, call.Dv], { label: "attention out" }), 0);
    const lse = into?.lse ?? emptyLse(operands, call);
    runForward(wide, call, { out, lse });
    disposeAll(wide);
    if (!into) return { out: narrow(out, dtype), lse };
    putBack(out, into.out);
    return into;
  },
  backward(operands, pull, call, into) {
    const wide = widen(operands);
    const [out, dout] = [cast(pull.out, "f32"), cast(pull.dout, "f32")];
    const { needsQuery, needsKey } = pull;
    const sums: Sums = {
      dq: needsQuery ? sumOf("dq", wide.q, into?.dq) : undefined,
      dk: needsKey ? sumOf("dk", wide.k, into?.dk) : undefined,
      dv: needsKey ? sumOf("dv", wide.v, into?.dv) : undefined,
    };
    backward(wide, { ...pull, out, dout }, call, sums);
    disposeAll({ ...wide, out, dout });
    const finished = (sum: Tensor | undefined, given: Tensor | undefined): Tensor | undefined =>
      sum && (given ? putBack(sum, given) : narrow(sum, operands.q.dtype));
    return { dq: finished(sums.dq, into?.dq), dk: finished(sums.dk, into?.dk), dv: finished(sums.dv, into?.dv) };
  },
};

/** Adds to `sums`. The detached gradient takes each part for itself: delta is that of the part's own output. */
function backward(operands: AttentionOperands, pull: AttentionPull, call: AttentionCall, sums: Sums): void {
  if (call.schedule.parts.length === 1) return runPart(operands, pull, call, sums);
  call.schedule.parts.forEach((_, i) => {
    const part = partAlone(call, i);
    const { out, lse } = wasmEngine.forward(operands, part);
    lse.dispose();
    runPart(operands, { ...pull, out }, part, sums);
    out.dispose();
  });
}

function runPart(operands: AttentionOperands, pull: AttentionPull, call: AttentionCall, sums: Sums): void {
  let delta = runRowDot(pull, call);
  if (pull.dlse) {
    const less = sub(delta, pull.dlse);
    delta.dispose();
    delta = less;
  }
  runBackward(operands, { dout: pull.dout, lse: pull.lse, delta }, call, sums);
  delta.dispose();
}

function emptyLse({ q: { device } }: AttentionOperands, { B, H, N }: AttentionCall): Tensor {
  return fill(device.empty([B, H, N], { label: "attention lse" }), EMPTY_LSE);
}

/** Where a gradient is summed up: in what is given, as f32, or from 0. */
function sumOf(label: string, like: Tensor, given: Tensor | undefined): Tensor {
  return given ? cast(given, "f32") : fill(like.device.empty(like.shape, { label }), 0);
}

function widen({ q, k, v, mask }: AttentionOperands): AttentionOperands {
  return { q: cast(q, "f32"), k: cast(k, "f32"), v: cast(v, "f32"), mask: mask?.alias() };
}

/** `x` as this dtype; `x` itself is given up. */
function narrow(x: Tensor, dtype: Tensor["dtype"]): Tensor {
  if (x.dtype === dtype) return x;
  const rounded = cast(x, dtype);
  x.dispose();
  return rounded;
}

/** Writes to `target` what was computed in `x`, which may be a handle on its memory and is given up. */
function putBack(x: Tensor, target: Tensor): Tensor {
  if (x.dtype === target.dtype) {
    x.dispose();
    return target;
  }
  const rounded = narrow(x, target.dtype);
  target.device.copy(rounded, target);
  rounded.dispose();
  return target;
}

function disposeAll(tensors: object): void {
  for (const tensor of Object.values(tensors) as (Tensor | undefined)[]) tensor?.dispose();
}
