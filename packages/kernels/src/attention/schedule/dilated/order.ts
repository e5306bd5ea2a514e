import type { ResolvedAttention, ResolvedBranch } from "../../op/options.ts";
import { offsetOf, realRows } from "./geometry.ts";
import type { TileRole } from "./plan.ts";
import { TILE_WORDS, type TileGroup } from "./tiles.ts";
import { forEachVisit, tileRows } from "./visits.ts";

/** The order in which the workgroups of a launch take its (tile, head) pairs: `tiles` tiles at a time, each block in the order of `pairs`. */
export interface TileOrder {
  readonly tiles: number;
  /** `tile · heads + head` within a block. */
  readonly pairs: Uint32Array;
}

/** Pairs of a whole launch that are ordered together; longer ones window by window, whose keys then stay in cache. */
const MOST_PAIRS = 8_192;

/**
 * Longest first: some pairs visit five branches and some one, and a long one that starts last leaves the GPU idle while it ends. Undefined where all cost the
 * same, or where the windows are not alike.
 *
 * @param heads - Heads of the launch: query heads, or key/value heads for the role "key".
 */
export function tileOrder(
  resolved: ResolvedAttention,
  group: TileGroup,
  role: TileRole,
  heads: number,
): TileOrder | undefined {
  const tiles = blockOf(resolved, group, heads);
  if (tiles === undefined) return undefined;
  // The last block: the one whose end counts, and, when causal, the one with the most keys.
  const begin = group.count - tiles;
  const costs = new Float64Array(tiles * heads);
  const members = role === "key" ? resolved.H / heads : 1;
  for (let tile = 0; tile < tiles; tile++) {
    for (let h = 0; h < resolved.H; h++) {
      const at = tile * heads + Math.floor(h / members);
      costs[at] = (costs[at] as number) + cost(resolved, group, role, begin + tile, h);
    }
  }
  if (costs.every((one) => one === costs[0])) return undefined;
  const pairs = Uint32Array.from(costs.keys()).sort((a, b) => (costs[b] as number) - (costs[a] as number) || a - b);
  return { tiles, pairs };
}

/** Tiles of a block: all, or those of one window where every window has as many. */
function blockOf(
  resolved: ResolvedAttention,
  { count, window, headStart, headEnd }: TileGroup,
  heads: number,
): number | undefined {
  if (headStart > 0 || headEnd < resolved.H || count < 2) return undefined;
  if (count * heads <= MOST_PAIRS) return count;
  if (resolved.sequences.length > 1 || resolved.N % window > 0) return undefined;
  const tiles = (count * window) / resolved.N;
  return Number.isInteger(tiles) && tiles * heads <= MOST_PAIRS ? tiles : undefined;
}

/** Columns that a tile visits for a head. */
function cost(resolved: ResolvedAttention, group: TileGroup, role: TileRole, tile: number, h: number): number {
  const [first = 0, rows = 0, start = 0, end = 0] = group.tiles.subarray(tile * TILE_WORDS, (tile + 1) * TILE_WORDS);
  const sequence = { start, end };
  const own = tileRows(resolved, group, first, rows, h, sequence);
  const later = role === "key" && resolved.causal;
  let columns = 0;
  forEachVisit(
    later ? { ...resolved, causal: false } : resolved,
    group,
    own,
    h,
    sequence,
    (index, begin, _end, _first, count) => {
      const branch = resolved.branches[index] as ResolvedBranch;
      const before = later ? realRows(Math.max(own.first - begin, 0), branch.r, Math.max(offsetOf(branch, h), 0)) : 0;
      columns += count - before;
    },
  );
  return columns;
}
