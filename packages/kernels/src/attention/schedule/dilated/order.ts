import type { ResolvedAttention } from "../../pattern/options.ts";
import type { TileRole } from "../schedule.ts";
import { isSelf, type Side } from "./geometry.ts";
import { TILE_WORDS, type TileGroup } from "./tiles.ts";
import { forEachVisit, tileRows } from "./visits.ts";

/**
 * The order in which the workgroups of a launch take its (tile, head) pairs: `tiles` tiles at a time, each block in the
 * order of `pairs`.
 */
export interface TileOrder {
  readonly tiles: number;
  /** `tile · heads + head` within a block. */
  readonly pairs: Uint32Array;
}

/** Pairs of a whole launch that are ordered together; longer ones window by window, whose keys then stay in cache. */
const MOST_PAIRS = 8_192;

/**
 * Longest first: some pairs visit five branches and some one, and a long one that starts last leaves the GPU idle while
 * it ends. Undefined where all cost the same, or where the windows are not alike.
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
  if (!isSelf(resolved) || resolved.sequences.length > 1 || resolved.N % window > 0) return undefined;
  const tiles = (count * window) / resolved.N;
  return Number.isInteger(tiles) && tiles * heads <= MOST_PAIRS ? tiles : undefined;
}

/** Columns that a tile visits for a head. */
function cost(resolved: ResolvedAttention, group: TileGroup, role: TileRole, tile: number, h: number): number {
  const words = group.tiles.subarray(tile * TILE_WORDS, (tile + 1) * TILE_WORDS);
  const [place = 0, rows = 0, shift = 0, base = 0, end = 0, columnBegin = 0, columnEnd = 0] = words;
  const rowShift = shift | 0;
  const side: Side = {
    rows: { start: base, end },
    columns: { start: columnBegin, end: columnEnd },
    rowShift,
    columnShift: 0,
    base,
  };
  const own = tileRows(resolved, group, place + rowShift, rows, h, side);
  let columns = 0;
  forEachVisit(resolved, group, own, h, side, role, (_index, _begin, _end, _first, count) => {
    columns += count;
  });
  return columns;
}
