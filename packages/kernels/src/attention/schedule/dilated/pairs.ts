import type { ResolvedAttention, ResolvedBranch } from "../../pattern/options.ts";
import { isSelf } from "./geometry.ts";
import { lineOf, type Segment, segmentsOf } from "./segments.ts";

/** (query, key) pairs of one batch row that a branch holds, over its heads. */
export function pairsOfBranch(resolved: ResolvedAttention, branch: ResolvedBranch): number {
  const sizes = new Map<number, number>();
  for (let h = branch.headStart; h < branch.headEnd; h++) {
    const s = branch.offsets[h] as number;
    sizes.set(s, (sizes.get(s) ?? 0) + 1);
  }
  // Whole segments are alike where queries and keys are the same tokens.
  const alike = isSelf(resolved) ? new Map<number, number>() : undefined;
  let pairs = 0;
  for (const segment of segmentsOf(resolved, branch)) {
    const length = segment.keys.end - segment.start;
    const own = alike?.get(length) ?? pairsOfSegment(segment, branch, sizes);
    alike?.set(length, own);
    pairs += own;
  }
  return pairs;
}

function pairsOfSegment(
  { queries, keys, start }: Segment,
  { r, low, high }: ResolvedBranch,
  sizes: ReadonlyMap<number, number>,
): number {
  let pairs = 0;
  for (const [s, heads] of sizes) {
    const query = lineOf(queries, start, s, r);
    const key = lineOf(keys, start, s, r);
    // Keys at most `ahead` positions behind each query's: sums of 0 to key.count that grow by one a query.
    const upTo = (ahead: number): number =>
      sumOfClamped(Math.floor((ahead + query.first - key.first) / r) + 1, query.count, key.count);
    pairs += heads * (upTo(high) - upTo(low - 1));
  }
  return pairs;
}

/** Σ min(max(first + i, 0), most), i < count. */
function sumOfClamped(first: number, count: number, most: number): number {
  const begin = Math.min(Math.max(-first, 0), count);
  const end = Math.min(Math.max(most - first, begin), count);
  const rising = end - begin;
  return rising * (first + begin) + (rising * (rising - 1)) / 2 + (count - end) * most;
}
