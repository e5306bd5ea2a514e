import type { Profile } from "./profile.ts";

const HEAD = ["kernel", "launches", "device ms", "share", "host ms"];

/** A profile as an aligned table: a line a kernel, longest first, and the totals. */
export function formatProfile(profile: Profile): string {
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
  const widths = HEAD.map((title, i) => Math.max(title.length, ...[...rows, total].map((row) => row[i]?.length ?? 0)));
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
