import type { ResolvedAttention, ResolvedBranch } from "../../pattern/options.ts";
import type { TileRole, TileSizes } from "../schedule.ts";
import { isSelf, segmentOf, sidesOf } from "./geometry.ts";
import { commonMultiple, forEachTile, type GroupShape, visitedCost } from "./visits.ts";

/**
 * Words of one tile: place of the first row, count, row shift, base, end of the rows, begin and end of the columns,
 * column shift. All but the place are positions.
 */
export const TILE_WORDS = 8;

/**
 * One kernel launch: which branches it covers and the query tiles that it runs over, for every batch row and the heads
 * `[headStart, headEnd)`.
 */
export interface TileGroup extends GroupShape {
  /** Number of tiles. */
  readonly count: number;
  /**
   * `count` x {@link TILE_WORDS} u32. Rows of a tile: positions first + stride·j, j < count, all in one window of
   * `window` tokens. Where `rowDilation` > 1 the table is that of offset 0 and the kernel adds the head's offset s(h)
   * to every row, dropping rows at or behind the end of the window.
   */
  readonly tiles: Uint32Array;
  /**
   * Every (token, head) row is in one of the tiles: the group may write where others have to merge, and rows in no
   * branch get their 0.
   */
  readonly coversAllRows: boolean;
}

/** What {@link planTiles} decided. */
export interface TilePlan {
  /**
   * Launches in order; the first one covers all rows if any does. When it is not, `out` and `lse` must be filled with 0
   * and EMPTY_LSE first.
   */
  readonly groups: readonly TileGroup[];
  /** (query row, key) pairs visited, waste and merging included; see {@link visitedCost}. */
  readonly cost: number;
}

// What things cost, in pairs visited: measured roughly; only ranks plans.
/** To begin and end a row in a launch. */
const START_PAIRS = 128;
/** To merge a row into what earlier launches left. */
const MERGE_PAIRS = 96;
/**
 * A launch. Far less than it takes, so that it decides for short sequences and between near equals only; each launch
 * more is a rounding of f16 results more.
 */
const LAUNCH_PAIRS = 4_096;
/** A longer common stride leaves tiles of few rows; not worth costing. */
const MAX_STRIDE = 256;

/**
 * Chooses how the GPU kernels walk the pattern: which branches share a launch. Each launch begins and ends its rows,
 * and later ones merge theirs into what is there; branches that share one visit keys in vain where their rows do not
 * fit together.
 *
 * One launch wins where the segments nest and their dilations divide one stride (the paper's ladder): all rows of a
 * tile then take part in the same branches, the queries are read once and nothing is merged. With `causal`, rows far
 * apart waste keys on the diagonal, and pairs of neighbouring branches win. Separate launches win where a common stride
 * would leave tiles of a few rows.
 */
export function planTiles(resolved: ResolvedAttention, role: TileRole, sizes: TileSizes): TilePlan {
  // Where queries and keys are the same tokens, tiles of keys cost what tiles of queries do.
  const by = isSelf(resolved) ? "query" : role;
  let best = cheapestRuns(resolved, by, sizes);
  for (const shape of fusedShapes(resolved, by)) {
    const cost = planCost(resolved, [shape], by, sizes, best.cost);
    // Among equals: one launch, and then the shortest window, whose tiles share keys that are still in cache.
    if (cost < best.cost || (cost === best.cost && best.shapes.length > 1)) best = { shapes: [shape], cost };
  }
  return { groups: best.shapes.map((shape) => groupOf(resolved, shape, role, sizes)), cost: best.cost };
}

/**
 * One launch for all rows and branches. What they cost is compared as if tiles had `coarse` rows: planning takes as
 * long as there are tiles.
 */
export function planFused(resolved: ResolvedAttention, role: TileRole, sizes: TileSizes, coarse: number): TileGroup {
  let best: { readonly shape: GroupShape; readonly cost: number } | undefined;
  for (const shape of fusedShapes(resolved, role)) {
    const cost = planCost(resolved, [shape], role, { ...sizes, rows: coarse }, best?.cost);
    if (!best || cost < best.cost) best = { shape, cost };
  }
  return groupOf(resolved, best?.shape as GroupShape, role, sizes); // a stride of 1 always has a shape
}

function groupOf(resolved: ResolvedAttention, shape: GroupShape, role: TileRole, { rows }: TileSizes): TileGroup {
  const tiles = tableOf(resolved, shape, role, rows);
  return { ...shape, tiles, count: tiles.length / TILE_WORDS, coversAllRows: coversAllRows(resolved, shape) };
}

interface Candidate {
  readonly shapes: readonly GroupShape[];
  readonly cost: number;
}

/** The best way to cut the branches, finest first, into runs of neighbours that share a launch each. */
function cheapestRuns(resolved: ResolvedAttention, role: TileRole, sizes: TileSizes): Candidate {
  const order = byDilation(resolved);
  const none: Candidate = { shapes: [], cost: 0 };
  /** The best for the first i branches. */
  const upTo: Candidate[] = [none];
  for (let end = 1; end <= order.length; end++) {
    let best: Candidate | undefined;
    for (let begin = end - 1; begin >= 0; begin--) {
      const shape = sharedShape(resolved, order.slice(begin, end), role);
      if (!shape) continue;
      const before = upTo[begin] as Candidate;
      const cost = before.cost + launchCost(resolved, shape, role, sizes, begin === 0, best && best.cost - before.cost);
      if (!best || cost < best.cost) best = { shapes: [...before.shapes, shape], cost };
    }
    upTo.push(best as Candidate); // a branch alone always has a shape
  }
  return upTo.at(-1) as Candidate;
}

/** Branches that some head takes part in, the finest dilation first: what covers every row can then begin. */
export function byDilation({ branches }: ResolvedAttention): number[] {
  const live = [...branches.keys()].filter((index) => {
    const { headStart, headEnd } = branches[index] as ResolvedBranch;
    return headEnd > headStart;
  });
  return live.sort((i, j) => {
    const [a, b] = [branches[i] as ResolvedBranch, branches[j] as ResolvedBranch];
    return a.headStart - b.headStart || a.r - b.r || a.w - b.w || i - j;
  });
}

/**
 * One launch for branches of which the first keeps every row that any of them keeps: the same heads, dilations that are
 * multiples of its own, offsets of the same residue, and segments that do not shift it. Undefined where that is not so,
 * or where the stride gets long.
 */
export function sharedShape(
  resolved: ResolvedAttention,
  indices: readonly number[],
  role: TileRole,
): GroupShape | undefined {
  const members = indices.map((index) => resolved.branches[index] as ResolvedBranch);
  const { r: rowDilation, headStart, headEnd, offsets } = members[0] as ResolvedBranch;
  const sides = sidesOf(resolved, role);
  const only = sides.length === 1 ? sides[0] : undefined;
  const inside = members.every(
    (branch) =>
      branch.headStart === headStart &&
      branch.headEnd === headEnd &&
      branch.r % rowDilation === 0 &&
      (members.length === 1 ||
        branch.w % rowDilation === 0 ||
        (only !== undefined && branch.w >= only.rows.end - only.base)) &&
      branch.offsets.every((s, h) => (s - (offsets[h] ?? 0)) % rowDilation === 0),
  );
  const dilations = members.map(({ r }) => r);
  const stride = members.length === 1 ? rowDilation : commonMultiple(dilations, MAX_STRIDE);
  if (!inside || (members.length > 1 && stride > MAX_STRIDE)) return undefined;
  const window = Math.min(...members.map(({ w }) => w));
  // Where rows begin within a segment, and at no multiple of the dilation from its start, classes of rows would not be
  // those of the head: all rows are in tiles.
  const aligned = sides.every(
    ({ rows, base }) => (rows.start - segmentOf(rows.start, window, base).start) % rowDilation === 0,
  );
  return { branches: indices, window, stride, rowDilation: aligned ? rowDilation : 1, headStart, headEnd };
}

/**
 * One launch for all branches: windows of the shortest and the longest segment (those between never won in measured
 * plans), with the largest dilation, the dilations' common multiple, or 1 as stride.
 */
export function fusedShapes(resolved: ResolvedAttention, role: TileRole): GroupShape[] {
  const { branches, H } = resolved;
  const N = role === "query" ? resolved.N : resolved.M;
  const dilations = branches.map(({ r }) => r);
  const common = commonMultiple(dilations, MAX_STRIDE);
  const strides = new Set([Math.max(...dilations), common, 1].filter((stride) => stride <= Math.min(MAX_STRIDE, N)));
  const segments = branches.map(({ w }) => w);
  const windows = new Set([Math.min(...segments), Math.max(...segments)]);
  const all = [...branches.keys()];
  const heads = { rowDilation: 1, headStart: 0, headEnd: H };
  const shapes: GroupShape[] = [];
  for (const stride of strides) {
    for (const window of windows) shapes.push({ branches: all, window, stride, ...heads });
  }
  return shapes;
}

/**
 * Cost of a list of launches: pairs visited, and what it takes to begin, end and merge rows.
 *
 * @param limit - Counting may stop above it; the result then is some number over the limit.
 */
export function planCost(
  resolved: ResolvedAttention,
  shapes: readonly GroupShape[],
  role: TileRole,
  sizes: TileSizes,
  limit: number = Number.POSITIVE_INFINITY,
): number {
  return shapes.reduce((sum, shape, i) => sum + launchCost(resolved, shape, role, sizes, i === 0, limit), 0);
}

function launchCost(
  resolved: ResolvedAttention,
  shape: GroupShape,
  role: TileRole,
  sizes: TileSizes,
  first: boolean,
  limit: number | undefined,
): number {
  const tokens = role === "query" ? resolved.N : resolved.M;
  const rows = (resolved.B * tokens * (shape.headEnd - shape.headStart)) / shape.rowDilation;
  const writes = first && coversAllRows(resolved, shape);
  return (
    LAUNCH_PAIRS + visitedCost(resolved, shape, role, sizes, limit) + rows * (START_PAIRS + (writes ? 0 : MERGE_PAIRS))
  );
}

function coversAllRows({ H }: ResolvedAttention, { headStart, headEnd, rowDilation }: GroupShape): boolean {
  return headStart === 0 && headEnd === H && rowDilation === 1;
}

function tableOf(resolved: ResolvedAttention, shape: GroupShape, role: TileRole, rows: number): Uint32Array {
  const sides = sidesOf(resolved, role);
  // Counted first: long sequences have millions of tiles, which a growing list holds several times.
  let count = 0;
  for (const side of sides) forEachTile(side, shape, rows, () => void count++);
  const words = new Uint32Array(count * TILE_WORDS); // negative numbers become their complements
  let at = 0;
  for (const side of sides) {
    const { rows: own, columns, rowShift, columnShift, base } = side;
    const behind = [rowShift, base, own.end, columns.start, columns.end, columnShift];
    forEachTile(side, shape, rows, (firstRow, tileRows) => {
      words[at] = firstRow - rowShift;
      words[at + 1] = tileRows;
      for (let i = 0; i < behind.length; i++) words[at + 2 + i] = behind[i] as number;
      at += TILE_WORDS;
    });
  }
  return words;
}

/** The same launch over every row of every class: for tiles of keys that serve heads of different offsets. */
export function allResidues(resolved: ResolvedAttention, group: TileGroup, role: TileRole, rows: number): TileGroup {
  if (group.rowDilation === 1) return group;
  return groupOf(resolved, { ...group, rowDilation: 1 }, role, { rows });
}
