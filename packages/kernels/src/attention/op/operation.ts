import type { Device, DifferentiableOp, Maybe, Tensor } from "@dilated/core";
import type { AttentionCall, AttentionEngine, AttentionOperands } from "../engine.ts";
import { wasmEngine } from "../wasm/engine.ts";
import { webgpuEngine, windowsOf } from "../webgpu/engine.ts";
import { byHeads } from "./by-heads.ts";

/**
 * Attention as the tape knows it: inputs q, k, v and the key mask, outputs out and lse. Kept for backward: the operands, out and lse; nothing of
 * size N². The gradient flows through lse as well: dS = P·(dP - delta + dlse).
 */
export const attentionOp: DifferentiableOp<AttentionCall> = {
  name: "attention",
  forward(inputs, call) {
    const operands = operandsOf(inputs);
    const { out, lse } = engineOf(operands.q.device).forward(operands, call);
    return { outputs: [out, lse], saved: [...inputs.slice(0, 4), out, lse] };
  },
  backward({ saved, grads: [dout, dlse], needs, options: call }) {
    const operands = operandsOf(saved);
    const [out, lse] = saved.slice(4) as [Tensor, Tensor];
    const { device } = out;
    // A loss of lse alone: no gradient comes through out.
    const zeros = dout ? undefined : device.zeros(out.shape, { dtype: out.dtype, label: "attention dout" });
    const pull = {
      out,
      lse,
      dout: dout ?? (zeros as Tensor),
      dlse,
      needsQuery: needs[0] ?? false,
      needsKey: (needs[1] || needs[2]) ?? false,
    };
    const { dq, dk, dv } = engineOf(device).backward(operands, pull, call);
    zeros?.dispose();
    return [dq, dk, dv, undefined];
  },
};

function operandsOf([q, k, v, mask]: readonly Maybe<Tensor>[]): AttentionOperands {
  return { q: q as Tensor, k: k as Tensor, v: v as Tensor, mask };
}

export function engineOf(device: Device): AttentionEngine {
  return device.info.backend === "webgpu" ? byHeads(webgpuEngine, windowsOf) : wasmEngine;
}
