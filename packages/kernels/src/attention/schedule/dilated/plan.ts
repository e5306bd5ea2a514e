import type { Device, Tensor } from "@dilated/core";
import { cached, uploadTable } from "../../../shared/device-cache.ts";
import type { ResolvedAttention } from "../../op/options.ts";
import { KEYS_PER_STEP } from "../../webgpu/unrolled/tile-size.ts";
import { offsetOf } from "./geometry.ts";
import { tileOrder } from "./order.ts";
import { planFused, planTiles, TILE_WORDS, type TileGroup } from "./tiles.ts";
import { forEachTile, type GroupShape, visitedCost } from "./visits.ts";

/** One launch of a tiled kernel, its tables on the device. */
export interface PlannedLaunch extends TileGroup {
  /** Tile table, then branch table; see dilated.wgsl. */
  readonly table: Tensor;
  /** Word at which the branch table begins. */
  readonly planBranches: number;
  /** Word at which the order of (tile, head) pairs begins, and the tiles of a block of it; 0 tiles: as they come. */
  readonly orderAt: number;
  readonly orderTiles: number;
  /** (row, column) pairs visited, over all batch rows and heads. */
  readonly pairs: number;
}

/** What the rows of the tiles are: queries (forward, dQ) or keys (dK, dV). */
export type TileRole = "query" | "key";

/**
 * The launches of a configuration, with their tables uploaded.
 *
 * @param rows - Rows a tile.
 */
export function planLaunches(
  device: Device,
  resolved: ResolvedAttention,
  role: TileRole,
  rows: number,
): readonly PlannedLaunch[] {
  const { B, N, H, G, branches, sequences, causal, zeroPad, partitioned } = resolved;
  const grouped = role === "key" && G < H;
  const key = JSON.stringify(["tiles", B, N, H, branches, sequences, causal, zeroPad, partitioned, role, G, rows]);
  return cached(device, key, () => {
    const { groups } = planTiles(resolved, { rows, keys: KEYS_PER_STEP });
    const launches = groups.map((group) =>
      upload(device, resolved, grouped ? allClasses(resolved, group, rows) : group, role, rows),
    );
    return { launches, tables: launches.map(({ table }) => table) };
  }).launches;
}

/** Rows of a tile, as far as work is estimated that is seldom done. */
const COARSE_ROWS = 64;

/** One launch for all rows and branches, of queries or keys; its table ends with a word of 0 that kernels may write. */
export function planWhole(device: Device, resolved: ResolvedAttention, rows: number): PlannedLaunch {
  const group = planFused(resolved, { rows, keys: KEYS_PER_STEP }, COARSE_ROWS);
  return uploadWith(device, resolved, group, COARSE_ROWS, [0]);
}

/**
 * Query heads that share a key/value head may have different offsets, and one workgroup serves them all: its tiles then run over every residue class
 * of the keys, each of which visits the queries of the heads that have it.
 */
function allClasses(resolved: ResolvedAttention, group: TileGroup, rows: number): TileGroup {
  if (group.every === 1) return group;
  const shape: GroupShape = { ...group, every: 1 };
  const words: number[] = [];
  for (const sequence of resolved.sequences) {
    forEachTile(sequence, shape, rows, (firstRow, count) => words.push(firstRow, count, sequence.start, sequence.end));
  }
  const complete = shape.headStart === 0 && shape.headEnd === resolved.H;
  return { ...shape, tiles: Uint32Array.from(words), count: words.length / TILE_WORDS, complete };
}

function upload(
  device: Device,
  resolved: ResolvedAttention,
  group: TileGroup,
  role: TileRole,
  rows: number,
): PlannedLaunch {
  const order = tileOrder(resolved, group, role, role === "key" ? resolved.G : resolved.H);
  const launch = uploadWith(device, resolved, group, rows, order?.pairs ?? []);
  return { ...launch, orderTiles: order?.tiles ?? 0 };
}

function uploadWith(
  device: Device,
  resolved: ResolvedAttention,
  group: TileGroup,
  rows: number,
  behind: ArrayLike<number>,
): PlannedLaunch {
  const branches = group.branches.flatMap((index) => {
    const branch = resolved.branches[index];
    if (!branch) return [];
    // Offset -1, which says that the head takes no part, becomes 0xffffffff.
    return [branch.w, branch.r, index, 0, ...branch.offsets.map((_, h) => offsetOf(branch, h) >>> 0)];
  });
  const planBranches = group.tiles.length;
  const orderAt = planBranches + branches.length;
  const words = new Uint32Array(orderAt + behind.length);
  words.set(group.tiles);
  words.set(branches, planBranches);
  words.set(behind, orderAt);
  const pairs = visitedCost(resolved, group, { rows, keys: KEYS_PER_STEP });
  return {
    ...group,
    table: uploadTable(device, words, "attention plan"),
    planBranches,
    orderAt,
    orderTiles: 0,
    pairs,
  };
}
