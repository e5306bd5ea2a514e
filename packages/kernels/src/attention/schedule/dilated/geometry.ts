import type { ResolvedAttention, ResolvedBranch, Sequence, TokenRange } from "../../pattern/options.ts";
import type { PartKeys, TileRole } from "../schedule.ts";

// The integer arithmetic of dilated attention, in one place. The WGSL of this schedule does exactly these steps; the
// oracle and the property tests call these functions, so a schedule that disagrees with the definition cannot pass. All
// tokens here are positions, which count keys: that of a query is its place plus the shift of its sequence.

/** The segment of `w` positions that holds position `t`: segments count from `base`, the first key of the sequence. */
export function segmentOf(t: number, w: number, base: number): TokenRange {
  const start = t - ((t - base) % w);
  return { start, end: start + w };
}

/** Offset s of head `h` in a branch, or -1 when the head takes no part in it (`heads: "partitioned"`). */
export function offsetOf(branch: ResolvedBranch, h: number): number {
  return h >= branch.headStart && h < branch.headEnd ? (branch.offsets[h] ?? -1) : -1;
}

/**
 * Number of j with `s + r·j < length`: the tokens of a stretch of that length from a segment's start that a head of
 * offset `s` keeps.
 */
export function realRows(length: number, r: number, s: number): number {
  return s >= length ? 0 : Math.ceil((length - s) / r);
}

/**
 * Sparse rows of a zero-padded segment, ceil(min(w, length of the sequence) / r); 0 when no padding key may enter a
 * softmax. A segment then has `padRows - realRows` zero keys (score 0, value 0). They stand behind every real key, so
 * `causal` hides them all.
 */
export function padRows(resolved: ResolvedAttention, branch: ResolvedBranch, { keyStart, keyEnd }: Sequence): number {
  if (!resolved.zeroPad || resolved.bounded) return 0;
  return Math.ceil(Math.min(branch.w, keyEnd - keyStart) / branch.r);
}

/**
 * Does position `t` take part in the branch for head `h`? `(t mod w) mod r == s`, counted from the start of its
 * sequence.
 */
export function participates(branch: ResolvedBranch, h: number, t: number, base: number): boolean {
  return ((t - base) % branch.w) % branch.r === offsetOf(branch, h);
}

/** The sequence that holds query `t`, a place. */
export function sequenceOf(resolved: ResolvedAttention, t: number): Sequence {
  let low = 0;
  let high = resolved.sequences.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((resolved.sequences[middle] as Sequence).end > t) high = middle;
    else low = middle + 1;
  }
  return resolved.sequences[low] as Sequence;
}

/** A sequence as the tiles of one role see it: rows are queries or keys, columns the others. */
export interface Side {
  /** Positions of the rows and of the columns. */
  readonly rows: TokenRange;
  readonly columns: TokenRange;
  /** What makes positions of places. */
  readonly rowShift: number;
  readonly columnShift: number;
  /** Position from which segments count. */
  readonly base: number;
}

/** The sequences for tiles of queries or of keys. */
export function sidesOf({ sequences }: ResolvedAttention, role: TileRole): Side[] {
  return sequences.map(({ start, end, keyStart, keyEnd, shift }) => {
    const queries = { start: start + shift, end: end + shift };
    const keys = { start: keyStart, end: keyEnd };
    return role === "query"
      ? { rows: queries, columns: keys, rowShift: shift, columnShift: 0, base: keyStart }
      : { rows: keys, columns: queries, rowShift: 0, columnShift: shift, base: keyStart };
  });
}

/** A row sees columns from its own position plus `low` up to plus `high`. */
export function boundsOf(
  { low, high }: ResolvedBranch,
  role: TileRole,
): { readonly low: number; readonly high: number } {
  return role === "query" ? { low, high } : { low: -high, high: -low };
}

/** Queries and keys are the same tokens: tiles of keys are those of queries. */
export function isSelf({ N, M, sequences }: ResolvedAttention): boolean {
  return (
    N === M &&
    sequences.every(({ start, keyStart, keyEnd, end, shift }) => start === keyStart && end === keyEnd && shift === 0)
  );
}

/** The multiset of keys of query (h, t), t a place: one entry for each branch that it takes part in. */
export function keysOfRow(resolved: ResolvedAttention, h: number, t: number): PartKeys[] {
  const sequence = sequenceOf(resolved, t);
  const { keyStart, keyEnd, shift } = sequence;
  const position = t + shift;
  const seen: PartKeys[] = [];
  resolved.branches.forEach((branch, part) => {
    if (!participates(branch, h, position, keyStart)) return;
    const s = offsetOf(branch, h);
    const { start, end } = segmentOf(position, branch.w, keyStart);
    const keys: number[] = [];
    for (let u = start + s; u < Math.min(end, keyEnd); u += branch.r) {
      if (u - position >= branch.low && u - position <= branch.high) keys.push(u);
    }
    const zeros = Math.max(
      0,
      padRows(resolved, branch, sequence) - realRows(Math.min(end, keyEnd) - start, branch.r, s),
    );
    seen.push({ part, keys, zeros });
  });
  return seen;
}
