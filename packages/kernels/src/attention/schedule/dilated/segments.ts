import type { ResolvedAttention, ResolvedBranch, TokenRange } from "../../pattern/options.ts";
import { padRows, realRows, segmentOf, sidesOf } from "./geometry.ts";

/** Every r-th position from `first` on, `count` of them. */
export interface Line {
  readonly first: number;
  readonly count: number;
}

/** A segment of one sequence: what of it are queries and keys, as positions. */
export interface Segment {
  readonly start: number;
  readonly queries: TokenRange;
  readonly keys: TokenRange;
  readonly shift: number;
  /** Sparse rows of the segment with its padding. */
  readonly padded: number;
}

/** The segments of a branch in which there are queries. */
export function segmentsOf(resolved: ResolvedAttention, branch: ResolvedBranch): Segment[] {
  return sidesOf(resolved, "query").flatMap(({ rows, columns, rowShift: shift, base }, i) => {
    const sequence = resolved.sequences[i];
    const padded = sequence ? padRows(resolved, branch, sequence) : 0;
    const segments: Segment[] = [];
    for (let at = rows.start; at < rows.end; ) {
      const { start, end } = segmentOf(at, branch.w, base);
      const within = ({ start: from, end: to }: TokenRange): TokenRange => ({
        start: Math.max(start, from),
        end: Math.max(Math.max(start, from), Math.min(end, to)),
      });
      segments.push({ start, queries: within(rows), keys: within(columns), shift, padded });
      at = end;
    }
    return segments;
  });
}

/** The positions of a stretch that a head of offset s keeps. */
export function lineOf({ start: from, end: to }: TokenRange, segment: number, s: number, r: number): Line {
  const before = realRows(from - segment, r, s);
  return { first: segment + s + before * r, count: Math.max(0, realRows(to - segment, r, s) - before) };
}

/** Those from number `begin` to `end` of a line. */
export function cut({ first, count }: Line, begin: number, end: number, r: number): Line {
  return { first: first + begin * r, count: Math.max(0, Math.min(end, count) - begin) };
}
