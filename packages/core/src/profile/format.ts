import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import type { KernelProfile, Profile } from "./profile.ts";

const MS = field.number();
const MAYBE_MS = field.optional(MS);
const KERNEL: field.FieldsOf<KernelProfile> = {
  name: field.string(),
  launches: field.nonNegativeInteger(),
  deviceMs: MAYBE_MS,
  hostMs: MS,
};
const PROFILE: field.FieldsOf<Profile> = {
  wallMs: MS,
  deviceMs: MAYBE_MS,
  spanMs: MAYBE_MS,
  hostMs: MS,
  clock: field.string(),
  quantumMs: field.number(0),
  kernels: field.list(field.object(KERNEL)),
};
const ARGUMENTS = { profile: field.object(PROFILE) };

const HEAD = ["kernel", "launches", "device ms", "share", "host ms"];

/**
 * A profile as an aligned table: a line a kernel, longest first, and the totals.
 *
 * @param profile - what `device.profile` gives
 * @throws ConfigError for anything else.
 */
export function formatProfile(profile: Profile): string {
  checkCall("formatProfile", ARGUMENTS, arguments);
  const { deviceMs, kernels } = profile;
  const fixed = (ms: number | undefined): string => (ms === undefined ? "-" : ms.toFixed(3));
  const share = (ms: number | undefined): string =>
    ms === undefined || !deviceMs ? "-" : `${((100 * ms) / deviceMs).toFixed(1)} %`;
  const rows = kernels.map(({ name, launches, deviceMs: ms, hostMs }) => [
    name,
    String(launches),
    fixed(ms),
    share(ms),
    fixed(hostMs),
  ]);
  const launches = kernels.reduce((sum, kernel) => sum + kernel.launches, 0);
  const total = ["total", String(launches), fixed(deviceMs), share(deviceMs), fixed(profile.hostMs)];
  const widths = HEAD.map((title, i) =>
    [...rows, total].reduce((most, row) => Math.max(most, row[i]?.length ?? 0), title.length),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  const clock =
    profile.quantumMs > 0 ? `${profile.clock}, rounded to ${profile.quantumMs.toFixed(4)} ms` : profile.clock;
  const span = profile.spanMs === undefined ? "" : `, device span ${fixed(profile.spanMs)} ms`;
  return [line(HEAD), ...rows.map(line), line(total), `wall ${fixed(profile.wallMs)} ms${span}, clock ${clock}`].join(
    "\n",
  );
}
