import type { Device } from "@dilated/core";

/** Columns a step of every tiled kernel: 8 threads, 4 columns each. */
export const KEYS_PER_STEP = 32;

/** Workgroup memory of the larger tile at the widest chunk: 64 x 9 rows, 32 x 9 columns, 64 x 9 weights of 16 bytes, and 64 x 8 maxima. */
const LARGE_BYTES = 16 * 9 * (64 + 32 + 64) + 4 * 64 * 8;

/** Threads along the rows, TY; a tile has 4·TY rows. Software adapters gain nothing from large tiles and compile them slowly. */
export function rowThreads(device: Device): 8 | 16 {
  const large = !device.info.software && device.limits.maxWorkgroupMemory >= LARGE_BYTES && device.limits.maxWorkgroupSize >= 128;
  return large ? 16 : 8;
}
