import type { ResolvedAttention, ResolvedBranch } from "../../op/options.ts";
import { offsetOf, realRows, segmentOf, type TokenRange } from "./geometry.ts";

// How a GPU kernel walks one tile, in TypeScript: the kernels do the same, the planner counts it, and the property test proves that it gives the definition.

/** The shape of one launch; the tiles follow from it. */
export interface GroupShape {
  /** Indices into `resolved.branches`. */
  readonly branches: readonly number[];
  /** Query tiles do not cross a multiple of `window` tokens from the start of their sequence. */
  readonly window: number;
  /** Tokens between one query row of a tile and the next. */
  readonly stride: number;
  /**
   * Rows are those that the head keeps in the group's first branch, which has the smallest dilation, `every`: firstRow + s(h) + stride·j. Its other branches keep
   * some of these. 1: rows are all tokens.
   */
  readonly every: number;
  /** Heads `[headStart, headEnd)` are launched. */
  readonly headStart: number;
  readonly headEnd: number;
}

/** Sizes of the kernel's tiles. */
export interface TileSizes {
  /** Query rows a tile, BQ. */
  readonly rows: number;
  /** Keys a step, BK: visited keys are rounded up to it. @defaultValue 32 */
  readonly keys?: number | undefined;
}

/** Tiles of one sequence: windows in order, in each the residue classes, in each runs of `rows` tokens. */
export function forEachTile(
  sequence: TokenRange,
  shape: GroupShape,
  rows: number,
  visit: (firstRow: number, count: number) => void,
): void {
  const { window, stride, every } = shape;
  for (let start = sequence.start; start < sequence.end; start += window) {
    const end = Math.min(start + window, sequence.end);
    for (let first = start; first < Math.min(end, start + stride); first += every) {
      const inClass = Math.ceil((end - first) / stride);
      for (let j = 0; j < inClass; j += rows) visit(first + stride * j, Math.min(rows, inClass - j));
    }
  }
}

/** Query tokens of a tile for head h: `[first, first + stride, ...]`, at most `count`, before the end of the window. Empty: count 0. */
export function tileRows(
  resolved: ResolvedAttention,
  shape: GroupShape,
  firstRow: number,
  count: number,
  h: number,
  sequence: TokenRange,
): { readonly first: number; readonly count: number } {
  const s = shape.every > 1 ? offsetOf(resolved.branches[shape.branches[0] as number] as ResolvedBranch, h) : 0;
  const windowEnd = segmentOf(firstRow, shape.window, sequence).end;
  const first = firstRow + s;
  return { first, count: s < 0 ? 0 : Math.min(count, realRows(windowEnd - firstRow, shape.stride, s)) };
}

/**
 * Calls `visit` with the keys that the tile of rows `first + stride·j`, j < count, loads: for each branch of the group, in each segment that holds
 * one of its rows, the keys `first + r·j`, j < count. Rows are masked one by one (a row attends only in its own segment, and only where it takes
 * part), so what is skipped here is work and never meaning:
 * - the head takes no part in the branch;
 * - stride is a multiple of r, so that the tile's rows in a segment share one residue, and it is not the head's;
 * - keys behind the tile's last row in that segment, when causal.
 */
export function forEachVisit(
  resolved: ResolvedAttention,
  shape: GroupShape,
  rows: { readonly first: number; readonly count: number },
  h: number,
  sequence: TokenRange,
  visit: (branch: number, segBegin: number, segEnd: number, first: number, count: number) => void,
): void {
  if (rows.count === 0) return;
  const last = rows.first + shape.stride * (rows.count - 1);
  for (const index of shape.branches) {
    const branch = resolved.branches[index] as ResolvedBranch;
    const s = offsetOf(branch, h);
    if (s < 0) continue;
    const aligned = shape.stride % branch.r === 0;
    for (let t = rows.first; t <= last; ) {
      // segmentOf, spelled out: the planner comes by millions of times.
      const begin = t - ((t - sequence.start) % branch.w);
      const end = Math.min(begin + branch.w, sequence.end);
      const lastRow = t + Math.floor((Math.min(last, end - 1) - t) / shape.stride) * shape.stride;
      const count = realRows((resolved.causal ? lastRow + 1 : end) - begin, branch.r, s);
      if (count > 0 && !(aligned && (t - begin) % branch.r !== s)) visit(index, begin, end, begin + s, count);
      t = lastRow + shape.stride; // the first row of the next segment that holds one
    }
  }
}

/**
 * (query row, key) pairs that a launch computes, masked ones included: every tile counts as full, every visit is rounded up to whole key steps.
 * Exact for the walk of {@link forEachVisit}; heads with the same offsets are counted once and multiplied.
 *
 * @param limit - Counting stops once the cost is over it.
 */
export function visitedCost(
  resolved: ResolvedAttention,
  shape: GroupShape,
  { rows, keys = 32 }: TileSizes,
  limit: number = Number.POSITIVE_INFINITY,
): number {
  const segments = shape.branches.map((index) => (resolved.branches[index] as ResolvedBranch).w);
  const period = commonMultiple([shape.window, ...segments], resolved.N);
  let visited = 0;
  for (const [h, alike] of headClasses(resolved, shape)) {
    if (visited * resolved.B > limit) break;
    let steps = 0;
    const count = (part: TokenRange): number => {
      let sum = 0;
      forEachTile(part, shape, rows, (firstRow, rowCount) => {
        const tile = tileRows(resolved, shape, firstRow, rowCount, h, part);
        forEachVisit(resolved, shape, tile, h, part, (_branch, _begin, _end, _first, keyCount) => {
          sum += Math.ceil(keyCount / keys);
        });
      });
      return sum;
    };
    for (const { start, end } of resolved.sequences) {
      // Windows and segments all start afresh after `period` tokens, so one period stands for all: a million tokens cost no more than a few segments.
      const whole = Math.floor((end - start) / period);
      if (whole > 0) steps += whole * count({ start, end: start + period });
      if (start + whole * period < end) steps += count({ start: start + whole * period, end });
    }
    visited += steps * keys * rows * alike;
  }
  return visited * resolved.B;
}

/** Least common multiple, or `limit` + 1 when it is over the limit. */
export function commonMultiple(numbers: readonly number[], limit: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let common = 1;
  for (const x of numbers) {
    common = (common / divisor(common, x)) * x;
    if (common > limit) return limit + 1;
  }
  return common;
}

/** One head of each set of heads that have the same offsets in the group's branches, and the size of the set. */
function headClasses(resolved: ResolvedAttention, shape: GroupShape): Map<number, number> {
  const first = new Map<string, number>();
  const sizes = new Map<number, number>();
  for (let h = shape.headStart; h < shape.headEnd; h++) {
    const key = shape.branches.map((index) => offsetOf(resolved.branches[index] as ResolvedBranch, h)).join();
    const head = first.get(key) ?? h;
    first.set(key, head);
    sizes.set(head, (sizes.get(head) ?? 0) + 1);
  }
  return sizes;
}
