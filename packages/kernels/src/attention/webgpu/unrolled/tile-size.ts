import type { Device, Maybe } from "@dilated/core";
import { tuned } from "../../../tune/choice.ts";
import type { KernelRole } from "../kernels.ts";

/** Columns a step of every tiled kernel: 8 threads, 4 columns each. */
export const KEYS_PER_STEP = 32;

/** How a tile kernel is cut; constants of tile.wgsl, which says what they mean. */
export interface Tile {
  readonly TY: number;
  readonly THREAD_ROWS: number;
  readonly MAX_CHUNK: number;
  readonly KEPT: number;
  /** Backward takes 1. */
  readonly GROUPS: 1 | 2;
}

/** Fits everywhere: 15 KiB of workgroup memory at any D. */
const SMALL: Tile = { TY: 8, THREAD_ROWS: 4, MAX_CHUNK: 8, KEPT: 0, GROUPS: 1 };
const WIDE: Tile = { ...SMALL, TY: 16, MAX_CHUNK: 16 };

/** The default first; measured on an H100 at D = 64 (docs/perf-log.md). */
const TILES: Readonly<Record<KernelRole, readonly Tile[]>> = {
  forward: [{ ...WIDE, KEPT: 1, GROUPS: 2 }, { ...WIDE, GROUPS: 2 }, { ...WIDE, KEPT: 1 }, WIDE, SMALL],
  query: [WIDE, { ...WIDE, THREAD_ROWS: 6 }, { ...WIDE, MAX_CHUNK: 8 }, SMALL],
  key: [WIDE, { ...WIDE, THREAD_ROWS: 6 }, { ...WIDE, MAX_CHUNK: 8 }, SMALL],
};

/** A thread keeps THREAD_ROWS · D / 8 outputs a gradient in registers. */
const MOST_OUTPUTS = 128;

/**
 * Tiles that this device can run, the default first, where the wider head dim is D; none on software adapters, which
 * run the rolled kernels.
 */
export function usableTiles({ info, limits }: Device, kernel: KernelRole, D: number): readonly Tile[] {
  if (info.software) return [];
  return TILES[kernel].filter(
    (tile) =>
      tile.TY * 8 <= limits.maxWorkgroupSize &&
      (tile.THREAD_ROWS * D) / 8 <= MOST_OUTPUTS &&
      tileBytes(tile, kernel, D) <= limits.maxWorkgroupMemory,
  );
}

/** The tile of a kernel on this device; undefined where the rolled kernels run. */
export function chooseTile(device: Device, kernel: KernelRole, D: number, Dv: number = D): Maybe<Tile> {
  const widths = D === Dv ? D : `${D}.${Dv}`;
  return tuned<Maybe<Tile>>(device, `attention.tile.${kernel}.${widths}`, usableTiles(device, kernel, Math.max(D, Dv)));
}

/** Rows of a tile of the rolled kernels, at any D. */
export const ROLLED_ROWS = 32;

/** Rows of a tile. */
export function tileRows({ TY, THREAD_ROWS }: Tile): number {
  return TY * THREAD_ROWS;
}

/** Workgroup memory of a kernel, with room for where it stands. */
export function tileBytes(tile: Tile, kernel: KernelRole, D: number): number {
  const chunks = Math.ceil(D / 4 / tile.MAX_CHUNK);
  const chunk = Math.ceil(D / 4 / chunks);
  const rows = tileRows(tile);
  const kept = rows * ((tile.KEPT > 0 ? chunks * chunk : chunk) | 1);
  const panel = Math.max(KEYS_PER_STEP * (chunk | 1) + 8 * Math.ceil(chunk / 8), 9 * rows);
  const partial = kernel === "forward" ? 2 * rows : 0;
  return 16 * (Math.max(tile.KEPT, 1) * kept + (1 + tile.GROUPS) * panel + partial) + 160;
}
