import type { ResolvedAttention, ResolvedBranch } from "./attention.options.ts";
import { commonMultiple, forEachTile, type GroupShape, type TileSizes, visitedCost } from "./visits.ts";

/** Words of one query tile: firstRow, count, seqBegin, seqEnd. */
export const TILE_WORDS = 4;

/** One kernel launch: which branches it covers and the query tiles that it runs over, for every batch row and the heads `[headStart, headEnd)`. */
export interface TileGroup extends GroupShape {
  /** Number of tiles. */
  readonly count: number;
  /**
   * `count` x {@link TILE_WORDS} u32. Query rows of a tile: tokens firstRow + stride·j, j < count, all in one window of `window` tokens counted from
   * seqBegin and, by construction, inside the sequence `[seqBegin, seqEnd)`. With `headClass` the table holds residue class 0 and the kernel adds the
   * head's offset s(h) to every row, dropping rows at or behind the end of the window.
   */
  readonly tiles: Uint32Array;
  /** Every (token, head) row is in one of the tiles: the group may write where others have to merge, and rows in no branch get their 0. */
  readonly complete: boolean;
}

/** What {@link planTiles} decided. */
export interface TilePlan {
  /** Launches in order; the first is complete when any is. When it is not, `out` and `lse` must be filled with 0 and EMPTY_LSE first. */
  readonly groups: readonly TileGroup[];
  /** (query row, key) pairs visited, waste and merging included; see {@link visitedCost}. */
  readonly cost: number;
}

/** Merging a row into an earlier group's result moves about as many bytes as this many pairs take time (measured roughly; only ranks plans). */
const MERGE_PAIRS = 128;
/** A longer common stride leaves tiles of few rows; not worth costing. */
const MAX_STRIDE = 256;

/**
 * Chooses how the GPU kernels walk the pattern: all branches fused in one launch, or one launch a branch, whichever visits fewer (row, key) pairs.
 *
 * Fused wins where the segments nest and their dilations divide one stride (the paper's ladder): all rows of a tile then take part in the same branches, the
 * queries are read once and nothing is merged. Separate launches win where a common stride would leave tiles of a few rows.
 */
export function planTiles(resolved: ResolvedAttention, sizes: TileSizes): TilePlan {
  const separate = separateShapes(resolved);
  let best = { shapes: separate, cost: planCost(resolved, separate, sizes) };
  for (const shape of fusedShapes(resolved)) {
    const cost = planCost(resolved, [shape], sizes, best.cost);
    // Among equals: one launch, and then the shortest window, whose tiles share keys that are still in cache.
    if (cost < best.cost || (cost === best.cost && best.shapes === separate)) best = { shapes: [shape], cost };
  }
  const groups = best.shapes.map((shape) => {
    const tiles = tableOf(resolved, shape, sizes.rows);
    return { ...shape, tiles, count: tiles.length / TILE_WORDS, complete: isComplete(resolved, shape) };
  });
  return { groups, cost: best.cost };
}

/** One launch a branch: tiles are rows of one segment that all take part. Branches that cover everything go first, so that they can write. */
export function separateShapes(resolved: ResolvedAttention): GroupShape[] {
  const shapes = resolved.branches.map((branch, index) => ({
    branches: [index],
    window: branch.w,
    stride: branch.r,
    headClass: true,
    headStart: branch.headStart,
    headEnd: branch.headEnd,
  }));
  const live = shapes.filter(({ headStart, headEnd }) => headEnd > headStart);
  return live.sort((a, b) => Number(isComplete(resolved, b)) - Number(isComplete(resolved, a)));
}

/**
 * One launch for all branches: windows of the shortest and the longest segment (those between never won in measured plans), with the
 * largest dilation, the dilations' common multiple, or 1 as stride.
 */
export function fusedShapes(resolved: ResolvedAttention): GroupShape[] {
  const { branches, H, N } = resolved;
  const dilations = branches.map(({ r }) => r);
  const common = commonMultiple(dilations, MAX_STRIDE);
  const strides = new Set([Math.max(...dilations), common, 1].filter((stride) => stride <= Math.min(MAX_STRIDE, N)));
  const segments = branches.map(({ w }) => w);
  const windows = new Set([Math.min(...segments), Math.max(...segments)]);
  const shapes: GroupShape[] = [];
  for (const stride of strides) {
    for (const window of windows) {
      shapes.push({ branches: branches.map((_, i) => i), window, stride, headClass: false, headStart: 0, headEnd: H });
    }
  }
  return shapes;
}

/**
 * Cost of a list of launches: pairs visited, and MERGE_PAIRS for each row that is merged into what an earlier launch wrote.
 *
 * @param limit - Counting may stop above it; the result then is some number over the limit.
 */
export function planCost(
  resolved: ResolvedAttention,
  shapes: readonly GroupShape[],
  sizes: TileSizes,
  limit: number = Number.POSITIVE_INFINITY,
): number {
  return shapes.reduce((sum, shape, i) => {
    const writes = i === 0 && isComplete(resolved, shape);
    const rows = (resolved.B * resolved.N * (shape.headEnd - shape.headStart)) / (shape.headClass ? shape.stride : 1);
    return sum + visitedCost(resolved, shape, sizes, limit) + (writes ? 0 : MERGE_PAIRS * rows);
  }, 0);
}

function isComplete(
  resolved: ResolvedAttention,
  { headStart, headEnd, headClass, stride, branches }: GroupShape,
): boolean {
  if (headStart > 0 || headEnd < resolved.H) return false;
  const offsets = (resolved.branches[branches[0] ?? 0] as ResolvedBranch).offsets;
  return !headClass || (stride === 1 && offsets.every((s) => s === 0));
}

function tableOf(resolved: ResolvedAttention, shape: GroupShape, rows: number): Uint32Array {
  const words: number[] = [];
  for (const sequence of resolved.sequences) {
    forEachTile(sequence, shape, rows, (firstRow, count) => words.push(firstRow, count, sequence.start, sequence.end));
  }
  return Uint32Array.from(words);
}
