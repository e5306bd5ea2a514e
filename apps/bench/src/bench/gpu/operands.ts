import { apply, type Device, type DifferentiableOp, type Tensor, valueAndGrad } from "@dilated/core";
import { type Branch, dilatedAttention } from "@dilated/kernels";
import { HEAD_DIM } from "./patterns.ts";

/** What one attention benchmark computes. */
export interface AttentionCase {
  readonly N: number;
  readonly H: number;
  readonly dtype: "f16" | "f32";
  readonly causal: boolean;
  readonly backward: boolean;
  readonly branches: readonly Branch[];
  /** Packed documents: where each begins, and N at the end. */
  readonly cuSeqlens?: readonly number[];
}

/** Its inputs, `[1, N, H, D]`. */
export interface Operands {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  /** Gradient that reaches the output; absent for forward alone. */
  readonly dout?: Tensor;
}

/** Its outputs; gradients absent for forward alone. */
export interface Results {
  readonly out: Tensor;
  readonly lse: Tensor;
  readonly dq?: Tensor;
  readonly dk?: Tensor;
  readonly dv?: Tensor;
}

/** Standard normal operands, made on the device. */
export function makeOperands(device: Device, { N, H, dtype, backward }: AttentionCase): Operands {
  const make = (label: string, seed: number): Tensor =>
    device.randomNormal([1, N, H, HEAD_DIM], { seed, dtype, label });
  const qkv = { q: make("q", 1), k: make("k", 2), v: make("v", 3) };
  return backward ? { ...qkv, dout: make("dout", 4) } : qkv;
}

/**
 * Stands at the end of the graph in place of a loss: its value is a constant, and the gradient it sends back is `dout`. So nothing but attention is timed,
 * and no tensor beside attention's own is alive.
 */
const sendBack: DifferentiableOp<{ readonly dout: Tensor }> = {
  name: "sendBack",
  forward: ([out]) => ({ outputs: [(out as Tensor).device.empty([1], { label: "no loss" })], saved: [] }),
  backward: ({ options }) => [options.dout],
};

/** Queues the case once. The results are the caller's. */
export function runCase({ q, k, v, dout }: Operands, { branches, causal, cuSeqlens }: AttentionCase): Results {
  const options = { branches, causal, cuSeqlens };
  if (!dout) return dilatedAttention(q, k, v, options);
  let forward: Results | undefined;
  const { value, grads } = valueAndGrad({ q, k, v }, () => {
    const { out, lse } = dilatedAttention(q, k, v, options);
    forward = { out: out.detachedAlias(), lse: lse.detachedAlias() };
    return apply(sendBack, [out], { dout })[0] as Tensor;
  });
  value.dispose();
  const { out, lse } = forward as Results;
  return { out, lse, dq: grads.q, dk: grads.k, dv: grads.v };
}

/** Frees every tensor of a record. */
export function disposeAll(tensors: Readonly<Record<string, Tensor | undefined>>): void {
  for (const tensor of Object.values(tensors)) tensor?.dispose();
}
