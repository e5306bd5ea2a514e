import { keysOfRow, type resolvePattern } from "@dilated/kernels/reference";

/** Further than any two tokens are apart. */
const NO_BOUND = 2 ** 30;

/** A pattern over a stretch of tokens, resolved. */
export type ResolvedAttention = ReturnType<typeof resolvePattern> & { readonly cuSeqlens?: readonly number[] };

/** Keys that row (h, t) sees, one entry for each branch that it sees them in. */
export function keysOf(pattern: ResolvedAttention, h: number, t: number): number[] {
  const { cuSeqlens = [0, pattern.N] } = pattern;
  const next = cuSeqlens.findIndex((bound) => bound > t);
  const [start, end] = [cuSeqlens[next - 1] ?? 0, cuSeqlens[next] ?? pattern.N];
  const document = { start, end, keyStart: start, keyEnd: end, shift: 0 };
  return keysOfRow({ ...pattern, sequences: [document] }, h, t).flatMap((branch) => branch.keys);
}

/** Queries that see key (h, u), one entry for each branch. Without `causal` membership is symmetric; with it, later tokens see u. */
export function queriesOf(pattern: ResolvedAttention, h: number, u: number): number[] {
  const branches = pattern.branches.map((branch) => ({ ...branch, low: -NO_BOUND, high: NO_BOUND }));
  const symmetric = keysOf({ ...pattern, branches }, h, u);
  return pattern.branches.some(({ high }) => high === 0) ? symmetric.filter((t) => t >= u) : symmetric;
}
