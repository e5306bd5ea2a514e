import type { DeviceTiming, ProfileDetail } from "./timing.ts";

/** How {@link Device.profile} measures. */
export interface ProfileOptions {
  /**
   * `"kernels"` times every launch by itself; on a GPU each then gets a pass of its own, which costs about 2 µs of GPU time a launch.
   * `"total"` times the whole only and leaves submissions as they are: for benchmarks.
   * @defaultValue "kernels"
   */
  readonly detail?: ProfileDetail | undefined;
}

/** What the launches of one kernel took together. */
export interface KernelProfile {
  readonly name: string;
  /** On a GPU a launch that is cut because of its length counts once for each piece. */
  readonly launches: number;
  /** Milliseconds on the device; undefined when launches were not timed one by one. */
  readonly deviceMs: number | undefined;
  /** Milliseconds this thread spent on checking and queueing. */
  readonly hostMs: number;
}

/** What some work took. */
export interface Profile {
  /** Milliseconds from the start to the end of the last launch as this thread saw them, waiting for the device included. */
  readonly wallMs: number;
  /** Milliseconds in which the device ran kernels; undefined when it has no clock. */
  readonly deviceMs: number | undefined;
  /** Milliseconds from the begin of the first to the end of the last launch on the device's clock: gaps and copies between launches count. */
  readonly spanMs: number | undefined;
  /** Milliseconds this thread spent on checking and queueing launches. */
  readonly hostMs: number;
  /** Where `deviceMs` comes from: the GPU's timestamps, the processor's clock around each launch, or nowhere. */
  readonly clock: DeviceTiming["clock"];
  /** Device times are sums of differences between multiples of this; browsers round to 0.1 ms. 0 where nothing is rounded. */
  readonly quantumMs: number;
  /** Longest first. */
  readonly kernels: readonly KernelProfile[];
}

/** What this thread saw of one kernel. */
export interface HostRecord {
  launches: number;
  ms: number;
}

/** Puts together what the device and what this thread saw. */
export function summarise(
  timing: DeviceTiming,
  host: ReadonlyMap<string, HostRecord>,
  detail: ProfileDetail,
  wallMs: number,
): Profile {
  const timed = timing.clock !== "none";
  const byName = new Map<string, { launches: number; ms: number }>();
  let [deviceMs, first, last] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { name, begin, end } of timing.spans) {
    const entry = byName.get(name) ?? { launches: 0, ms: 0 };
    byName.set(name, { launches: entry.launches + 1, ms: entry.ms + end - begin });
    deviceMs += end - begin;
    first = Math.min(first, begin);
    last = Math.max(last, end);
  }
  const single = timed && detail === "kernels";
  const names = new Set([...host.keys(), ...(single ? byName.keys() : [])]);
  const kernels = [...names].map((name): KernelProfile => {
    const [seen, queued] = [single ? byName.get(name) : undefined, host.get(name)];
    return {
      name,
      launches: seen?.launches ?? queued?.launches ?? 0,
      deviceMs: single ? (seen?.ms ?? 0) : undefined,
      hostMs: queued?.ms ?? 0,
    };
  });
  return {
    wallMs,
    deviceMs: timed ? deviceMs : undefined,
    spanMs: timed ? Math.max(0, last - first) : undefined,
    hostMs: kernels.reduce((sum, { hostMs }) => sum + hostMs, 0),
    clock: timing.clock,
    quantumMs: timing.quantumMs,
    kernels: kernels.sort((a, b) => (b.deviceMs ?? b.hostMs) - (a.deviceMs ?? a.hostMs)),
  };
}
