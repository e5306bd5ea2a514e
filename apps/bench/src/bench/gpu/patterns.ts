import { attentionFlops, type Branch } from "@dilated/kernels";

/** Heads and their width in every attention benchmark of the GPU: the published comparisons' H = 12, D = 64. */
export const HEADS = 12;
export const HEAD_DIM = 64;

/** The attentions that LongNet is compiled with in PyTorch: as the request names them, and for people. */
export const COMPILED = [
  ["flash", "FlashAttention-2"],
  ["cudnn", "cuDNN"],
] as const;

/** w = 2048 .. 32768, r = 1 .. 16, as far as segments fit in N tokens (for tiny N, one dense branch). */
export function benchBranches(N: number): Branch[] {
  const fit = [0, 1, 2, 3, 4]
    .map((i) => ({ segment: 2048 << i, dilation: 1 << i }))
    .filter(({ segment }) => segment <= N);
  return fit.length > 0 ? fit : [{ segment: N, dilation: 1 }];
}

/** Tokens of the smallest stretch that no branch looks out of. */
export function blockTokens(N: number, branches: readonly Branch[]): number {
  const longest = Math.max(...branches.map(({ segment }) => Math.min(segment, N)));
  return branches.every(({ segment }) => longest % Math.min(segment, N) === 0) ? longest : N;
}

/** Operations by the convention of DESIGN section 5: 4·D·H·Σ N·w/r², 3.5 times that with backward; `causal` is not taken off. */
export function conventionalFlops(N: number, H: number, branches: readonly Branch[], backward: boolean): number {
  return (backward ? 3.5 : 1) * attentionFlops({ N, H, D: HEAD_DIM }, { branches }).nominal;
}
