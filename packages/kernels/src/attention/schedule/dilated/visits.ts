import type { ResolvedAttention, ResolvedBranch } from "../../pattern/options.ts";
import type { TileRole, TileSizes } from "../schedule.ts";
import { boundsOf, offsetOf, realRows, type Side, segmentOf, sidesOf } from "./geometry.ts";

// How a GPU kernel walks one tile, in TypeScript: the kernels do the same, the planner counts it, and the property test
// proves that it gives the definition.

/** The shape of one launch; the tiles follow from it. */
export interface GroupShape {
  /** Indices into `resolved.branches`. */
  readonly branches: readonly number[];
  /** Tiles do not cross a multiple of `window` tokens from the start of their sequence. */
  readonly window: number;
  /** Positions between one row of a tile and the next. */
  readonly stride: number;
  /**
   * Rows are those that the head keeps in the group's first branch, which has the smallest dilation, `rowDilation`:
   * firstRow + s(h) + stride·j. Its other branches keep some of these. 1: rows are all tokens.
   */
  readonly rowDilation: number;
  /** Heads `[headStart, headEnd)` are launched. */
  readonly headStart: number;
  readonly headEnd: number;
}

/**
 * Tiles of one sequence, by the position of their first row: windows in order, in each the residue classes, in each
 * runs of `rows` tokens.
 */
export function forEachTile(
  { rows: { start: first, end: last }, base }: Side,
  shape: GroupShape,
  rows: number,
  visit: (firstRow: number, count: number) => void,
): void {
  const { window, stride, rowDilation } = shape;
  for (let start = first; start < last; ) {
    const end = Math.min(segmentOf(start, window, base).end, last);
    for (let row = start; row < Math.min(end, start + stride); row += rowDilation) {
      const inClass = Math.ceil((end - row) / stride);
      for (let j = 0; j < inClass; j += rows) visit(row + stride * j, Math.min(rows, inClass - j));
    }
    start = end;
  }
}

/**
 * Rows of a tile for head h: positions `[first, first + stride, ...]`, at most `count`, before the end of the window.
 * Empty: count 0.
 */
export function tileRows(
  resolved: ResolvedAttention,
  shape: GroupShape,
  firstRow: number,
  count: number,
  h: number,
  { rows, base }: Side,
): { readonly first: number; readonly count: number } {
  const s = shape.rowDilation > 1 ? offsetOf(resolved.branches[shape.branches[0] as number] as ResolvedBranch, h) : 0;
  const windowEnd = Math.min(segmentOf(firstRow, shape.window, base).end, rows.end);
  const first = firstRow + s;
  return { first, count: s < 0 ? 0 : Math.min(count, realRows(windowEnd - firstRow, shape.stride, s)) };
}

/** Columns `first + r·j`, j < count, of one segment of a branch. */
export type Visit = (branch: number, segBegin: number, segEnd: number, first: number, count: number) => void;

/**
 * Calls `visit` with the columns that the tile of rows `first + stride·j`, j < count, loads: for each branch of the
 * group, in each segment that holds one of its rows. Rows are masked one by one (a row attends only in its own segment,
 * only where it takes part, and only within its bounds), so what is skipped here is work and never meaning:
 * - the head takes no part in the branch;
 * - stride is a multiple of r, so that the tile's rows in a segment share one residue, and it is not the head's;
 * - columns before or behind what the tile's rows in that segment see.
 */
export function forEachVisit(
  resolved: ResolvedAttention,
  shape: GroupShape,
  rows: { readonly first: number; readonly count: number },
  h: number,
  { columns, base }: Side,
  role: TileRole,
  visit: Visit,
): void {
  if (rows.count === 0) return;
  const last = rows.first + shape.stride * (rows.count - 1);
  for (const index of shape.branches) {
    const branch = resolved.branches[index] as ResolvedBranch;
    const s = offsetOf(branch, h);
    if (s < 0) continue;
    const { low, high } = boundsOf(branch, role);
    const aligned = shape.stride % branch.r === 0;
    for (let t = rows.first; t <= last; ) {
      // segmentOf, spelled out: the planner comes by millions of times.
      const begin = t - ((t - base) % branch.w);
      const end = begin + branch.w;
      const lastRow = t + Math.floor((Math.min(last, end - 1) - t) / shape.stride) * shape.stride;
      const from = realRows(Math.max(begin, columns.start, t + low) - begin, branch.r, s);
      const to = realRows(Math.min(end, columns.end, lastRow + high + 1) - begin, branch.r, s);
      if (from < to && !(aligned && (t - begin) % branch.r !== s))
        visit(index, begin, end, begin + s + branch.r * from, to - from);
      t = lastRow + shape.stride; // the first row of the next segment that holds one
    }
  }
}

/**
 * (row, column) pairs that a launch computes, masked ones included: every tile counts as full, every visit is rounded
 * up to whole key steps. Exact for the walk of {@link forEachVisit}; heads with the same offsets are counted once and
 * multiplied.
 *
 * @param limit - Counting stops once the cost is over it.
 */
export function visitedCost(
  resolved: ResolvedAttention,
  shape: GroupShape,
  role: TileRole,
  { rows, columns = 32 }: TileSizes,
  limit: number = Number.POSITIVE_INFINITY,
): number {
  const segments = shape.branches.map((index) => (resolved.branches[index] as ResolvedBranch).w);
  const period = commonMultiple([shape.window, ...segments], Math.max(resolved.N, resolved.M));
  let visited = 0;
  for (const [h, alike] of headPatterns(resolved, shape)) {
    if (visited * resolved.B > limit) break;
    let steps = 0;
    const count = (part: Side): number => {
      let sum = 0;
      forEachTile(part, shape, rows, (firstRow, rowCount) => {
        const tile = tileRows(resolved, shape, firstRow, rowCount, h, part);
        forEachVisit(resolved, shape, tile, h, part, role, (_branch, _begin, _end, _first, columnCount) => {
          sum += Math.ceil(columnCount / columns);
        });
      });
      return sum;
    };
    for (const side of sidesOf(resolved, role)) {
      const { start, end } = side.rows;
      const alikeSides = start === side.base && start === side.columns.start && end === side.columns.end;
      // Windows and segments all start afresh after `period` tokens, so one period stands for all: a million tokens
      // cost no more than a few segments.
      const whole = alikeSides ? Math.floor((end - start) / period) : 0;
      const part = (from: number, to: number): Side => ({ ...side, rows: { start: from, end: to } });
      if (whole > 0) steps += whole * count(part(start, start + period));
      if (start + whole * period < end) steps += count(part(start + whole * period, end));
    }
    visited += steps * columns * rows * alike;
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
function headPatterns(resolved: ResolvedAttention, shape: GroupShape): Map<number, number> {
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
