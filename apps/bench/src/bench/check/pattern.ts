import { keysOfRow, type resolvePattern } from "@dilated/kernels/reference";

/** A pattern over a stretch of tokens, resolved. */
export type ResolvedAttention = ReturnType<typeof resolvePattern>;

/** Keys that row (h, t) sees, one entry for each branch that it sees them in. */
export function keysOf(pattern: ResolvedAttention, h: number, t: number): number[] {
  return keysOfRow(pattern, h, t, { start: 0, end: pattern.N }).flatMap((branch) => branch.keys);
}

/** Queries that see key (h, u), one entry for each branch. Without `causal` membership is symmetric; with it, later tokens see u. */
export function queriesOf(pattern: ResolvedAttention, h: number, u: number): number[] {
  const symmetric = keysOf({ ...pattern, causal: false }, h, u);
  return pattern.causal ? symmetric.filter((t) => t >= u) : symmetric;
}
