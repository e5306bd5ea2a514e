import type { Device } from "@dilated/core";

/** Columns a step of every tiled kernel: 8 threads, 4 columns each. */
export const KEYS_PER_STEP = 32;

/** Workgroup memory of the larger tile at the widest chunk: 64 x 9 rows, 32 x 9 columns, 64 x 9 weights of 16 bytes, and 64 x 8 maxima. */
const LARGE_BYTES = 16 * 9 * (64 + 32 + 64) + 4 * 64 * 8;

/** Rows a thread, RT. */
const THREAD_ROWS = 4;

/** Threads along the rows, TY. Software adapters gain nothing from large tiles. */
function rowThreads({ info, limits }: Device): 8 | 16 {
  return !info.software && limits.maxWorkgroupMemory >= LARGE_BYTES && limits.maxWorkgroupSize >= 128 ? 16 : 8;
}

/** Rows of a tile on this device. */
export function tileRows(device: Device): number {
  return THREAD_ROWS * rowThreads(device);
}

/** WGSL constants of tile.wgsl. */
export function tileConstants(device: Device): { readonly TY: number; readonly RT: number; readonly ROLLED: boolean } {
  return { TY: rowThreads(device), RT: THREAD_ROWS, ROLLED: device.info.software };
}
