import type { Device, Tensor } from "@dilated/core";
import { cachedFor, uploadTable } from "../../shared/device-cache.ts";
import type { Schedule, ScheduledLaunch, TileRole } from "../schedule/schedule.ts";
import { KEYS_PER_STEP } from "./unrolled/tile-size.ts";

/** One launch of a tiled kernel, its words on the device. */
export interface PlannedLaunch extends ScheduledLaunch {
  readonly table: Tensor;
}

/**
 * The launches of a schedule, on the device.
 *
 * @param rows - Rows a tile.
 */
export function planLaunches(
  device: Device,
  schedule: Schedule,
  role: TileRole,
  rows: number,
): readonly PlannedLaunch[] {
  return cachedFor(device, schedule, `tiles ${role} ${rows}`, () => {
    const launches = schedule
      .launches(role, { rows, columns: KEYS_PER_STEP })
      .map((launch) => ({ ...launch, table: uploadTable(device, launch.words, "attention plan") }));
    return { launches, tables: launches.map(({ table }) => table) };
  }).launches;
}

/** One launch of each role for everything, which share a table that ends with `marks` words of 0. */
export function planWhole(
  device: Device,
  schedule: Schedule,
  rows: number,
  marks: number,
): Readonly<Record<TileRole, PlannedLaunch>> {
  const whole = schedule.whole({ rows, columns: KEYS_PER_STEP });
  const words = new Uint32Array(whole.query.words.length + marks);
  words.set(whole.query.words);
  const table = uploadTable(device, words, "attention plan");
  return { query: { ...whole.query, table }, key: { ...whole.key, table } };
}
