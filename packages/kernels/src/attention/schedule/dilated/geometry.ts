import type { ResolvedAttention, ResolvedBranch } from "../../op/options.ts";

// The integer arithmetic of the operator, in one place. The WGSL and AssemblyScript kernels do exactly these steps in u32; the oracle and the
// property tests of the schedules call these functions, so a schedule that disagrees with the definition cannot pass.

/** Half-open range of tokens. */
export interface TokenRange {
  readonly start: number;
  readonly end: number;
}

/** The segment of `w` tokens that holds token `t`, inside its sequence: segments count from the sequence's start, the last one is short. */
export function segmentOf(t: number, w: number, sequence: TokenRange): TokenRange {
  const start = t - ((t - sequence.start) % w);
  return { start, end: Math.min(start + w, sequence.end) };
}

/** Offset s of head `h` in a branch, or -1 when the head takes no part in it (`heads: "partitioned"`). */
export function offsetOf(branch: ResolvedBranch, h: number): number {
  return h >= branch.headStart && h < branch.headEnd ? (branch.offsets[h] ?? -1) : -1;
}

/** Number of j with `s + r·j < length`: the tokens of a segment of that length that a head of offset `s` keeps. */
export function realRows(length: number, r: number, s: number): number {
  return s >= length ? 0 : Math.ceil((length - s) / r);
}

/**
 * Sparse rows of a zero-padded segment, ceil(min(w, length of the sequence) / r); 0 when no padding key may enter a softmax.
 * A segment then has `padRows - realRows` zero keys (score 0, value 0). They stand behind every real key, so `causal` hides them all.
 */
export function padRows(resolved: ResolvedAttention, branch: ResolvedBranch, sequence: TokenRange): number {
  if (!resolved.zeroPad || resolved.causal) return 0;
  return Math.ceil(Math.min(branch.w, sequence.end - sequence.start) / branch.r);
}

/** Does token `t` (of that sequence) take part in the branch for head `h`? `(t mod w) mod r == s`. */
export function participates(branch: ResolvedBranch, h: number, t: number, sequence: TokenRange): boolean {
  return ((t - sequence.start) % branch.w) % branch.r === offsetOf(branch, h);
}

/** The sequence that holds token `t`. */
export function sequenceOf(resolved: ResolvedAttention, t: number): TokenRange {
  let low = 0;
  let high = resolved.sequences.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((resolved.sequences[middle] as TokenRange).start <= t) low = middle;
    else high = middle - 1;
  }
  return resolved.sequences[low] as TokenRange;
}
