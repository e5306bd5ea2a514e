import type { PyTorchRequest } from "../peers/pytorch.ts";
import type { AttentionCase } from "./operands.ts";
import { COMPILED, HEAD_DIM } from "./patterns.ts";

/** A task of the attention suite. */
export type Case = AttentionCase & { readonly op: "dilated" | "dense" };

/** A peer of an attention task: how its row is signed, and what is asked of it. */
export type AttentionPeer = readonly [who: string, request: PyTorchRequest];

/** LongNet's in PyTorch, without compilation. */
export const EAGER_LONGNET = "PyTorch (torchscale's LongNet, FlashAttention-2)";

/** Who does the same in PyTorch: eager, compiled, and for dense attention each of its kernels. */
export function attentionPeers({ op, N, H, dtype, causal, backward, branches, cuSeqlens }: Case): AttentionPeer[] {
  const task = { N, H, D: HEAD_DIM, dtype, backward };
  if (op === "dilated") {
    if (dtype !== "f16") return [];
    const pairs = branches.map(({ segment, dilation }) => [segment, dilation]);
    const dilated = { ...task, kind: "dilated", causal, branches: pairs } as const;
    const compiled = COMPILED.map(
      ([kernel, name]) => [`PyTorch (compiled, ${name})`, { ...dilated, kernel, compiled: true }] as const,
    );
    return [[EAGER_LONGNET, dilated], ...compiled];
  }
  const mask = cuSeqlens ? { mask: "documents", documents: cuSeqlens } : { mask: causal ? "causal" : "full" };
  const flex = [FLEX, { ...task, ...mask, kind: "flex" }] as const;
  if (cuSeqlens) return [flex];
  const dense = { ...task, kind: "dense", causal } as const;
  if (dtype === "f32") return [["PyTorch (SDPA, memory-efficient)", { ...dense, kernel: "efficient" }]];
  return [
    ["PyTorch (SDPA, FlashAttention-2)", { ...dense, kernel: "flash" }],
    ["PyTorch (SDPA, cuDNN)", { ...dense, kernel: "cudnn" }],
    flex,
  ];
}

/** FlexAttention is slow unless it is compiled, and says so. */
export const FLEX = "PyTorch (FlexAttention, compiled)";

/** Where packed documents begin, and N at the end: lengths as uneven as real ones, the same in every run. */
export function documentBounds(N: number): number[] {
  const bounds = [0];
  for (let i = 1; (bounds.at(-1) as number) < N; i++)
    bounds.push(Math.min(N, (bounds.at(-1) as number) + 256 + ((i * i * 677) % 1792)));
  return bounds;
}
