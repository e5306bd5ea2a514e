import { keysOfRow, type resolvePattern } from "@dilated/kernels/reference";

/** A pattern over a stretch of tokens, resolved. */
export type ResolvedAttention = ReturnType<typeof resolvePattern> & { readonly cuSeqlens?: readonly number[] };

/** Keys that row (h, t) sees, one entry for each branch that it sees them in. */
export function keysOf(pattern: ResolvedAttention, h: number, t: number): number[] {
  const { cuSeqlens = [0, pattern.N] } = pattern;
  const next = cuSeqlens.findIndex((bound) => bound > t);
  const document = { start: cuSeqlens[next - 1] ?? 0, end: cuSeqlens[next] ?? pattern.N };
  return keysOfRow(pattern, h, t, document).flatMap((branch) => branch.keys);
}

/** Queries that see key (h, u), one entry for each branch. Without `causal` membership is symmetric; with it, later tokens see u. */
export function queriesOf(pattern: ResolvedAttention, h: number, u: number): number[] {
  const symmetric = keysOf({ ...pattern, causal: false }, h, u);
  return pattern.causal ? symmetric.filter((t) => t >= u) : symmetric;
}
