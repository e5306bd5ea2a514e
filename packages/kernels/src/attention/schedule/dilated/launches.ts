import type { ResolvedAttention } from "../../pattern/options.ts";
import type { ScheduledLaunch, TileRole, TileSizes } from "../schedule.ts";
import { isSelf, offsetOf } from "./geometry.ts";
import { tileOrder } from "./order.ts";
import { allResidues, planFused, planTiles, TILE_WORDS, type TileGroup } from "./tiles.ts";
import { visitedCost } from "./visits.ts";

/** Words of a branch before the offsets of the H heads: w, r, index, low, high. */
const BRANCH_WORDS = 5;

/** Rows of a tile, as far as work is estimated that is seldom done. */
const COARSE_ROWS = 64;

/** The launches of a role; see `Schedule.launches`. */
export function dilatedLaunches(resolved: ResolvedAttention, role: TileRole, sizes: TileSizes): ScheduledLaunch[] {
  const grouped = role === "key" && resolved.G < resolved.H;
  return planTiles(resolved, role, sizes).groups.map((planned) => {
    // Query heads that share a key/value head may have different offsets, and one workgroup serves them all: its tiles
    // then run over every residue class of the keys, each of which visits the queries of the heads that have it.
    const group = grouped ? allResidues(resolved, planned, role, sizes.rows) : planned;
    const order = tileOrder(resolved, group, role, role === "key" ? resolved.G : resolved.H);
    const words = wordsOf(group.tiles, branchWords(resolved, group), order?.pairs ?? [], [0]);
    return { ...launchOf(resolved, group, role, sizes, words), orderTiles: order?.tiles ?? 0 };
  });
}

/** One launch of each role for everything; see `Schedule.whole`. */
export function wholeLaunches(resolved: ResolvedAttention, sizes: TileSizes): Record<TileRole, ScheduledLaunch> {
  const query = planFused(resolved, "query", sizes, COARSE_ROWS);
  const key = isSelf(resolved) ? query : planFused(resolved, "key", sizes, COARSE_ROWS);
  const both = key === query ? query.tiles : wordsOf(query.tiles, key.tiles);
  const words = wordsOf(both, branchWords(resolved, query), [0]);
  const branchesAt = both.length;
  const of = (group: TileGroup, role: TileRole): ScheduledLaunch => {
    const launch = launchOf(resolved, group, role, { ...sizes, rows: COARSE_ROWS }, words);
    const tileBegin = group === query ? 0 : query.count;
    return { ...launch, tileBegin, scalars: { ...launch.scalars, branches_at: branchesAt }, orderAt: words.length - 1 };
  };
  return { query: of(query, "query"), key: of(key, "key") };
}

function launchOf(
  resolved: ResolvedAttention,
  group: TileGroup,
  role: TileRole,
  sizes: TileSizes,
  words: Uint32Array,
): ScheduledLaunch {
  const { headStart, headEnd, coversAllRows, count, stride, window, rowDilation, branches, tiles } = group;
  const branchesAt = tiles.length;
  return {
    words,
    tileBegin: 0,
    tiles: count,
    firstPlaces: firstPlacesOf(tiles, count),
    headStart,
    headEnd,
    rowStep: stride,
    rowPitch: stride,
    coversAllRows,
    orderAt: branchesAt + branches.length * (BRANCH_WORDS + resolved.H),
    orderTiles: 0,
    pairs: visitedCost(resolved, group, isSelf(resolved) ? "query" : role, sizes),
    scalars: {
      window,
      per_head_rows: Number(rowDilation > 1),
      branches_at: branchesAt,
      branch_count: branches.length,
      zero_pad: Number(resolved.zeroPad && !resolved.bounded),
    },
  };
}

/** In a loop: `Uint32Array.from` takes seconds for the tiles of long sequences. */
function firstPlacesOf(tiles: Uint32Array, count: number): Uint32Array {
  const places = new Uint32Array(count);
  for (let i = 0; i < count; i++) places[i] = tiles[i * TILE_WORDS] as number;
  return places;
}

function branchWords(resolved: ResolvedAttention, group: TileGroup): number[] {
  return group.branches.flatMap((index) => {
    const branch = resolved.branches[index];
    if (!branch) return [];
    const { w, r, low, high, offsets } = branch;
    // Offset -1, which says that the head takes no part, becomes 0xffffffff.
    return [w, r, index, low, high, ...offsets.map((_, h) => offsetOf(branch, h))];
  });
}

function wordsOf(...parts: readonly ArrayLike<number>[]): Uint32Array {
  const words = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    words.set(part, at); // negative numbers become their complements
    at += part.length;
  }
  return words;
}
