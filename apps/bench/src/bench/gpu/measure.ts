import type { Device } from "@dilated/core";

/** What repeated runs took, ms. */
export interface Measured {
  /** Device clock where there is one, else wall; median. */
  readonly ms: number;
  readonly gpuMs?: number;
  readonly wallMs: number;
  readonly runs: number;
}

/** When to stop repeating. */
export interface Repeat {
  /** @defaultValue 5 */
  readonly atLeast?: number;
  /** @defaultValue 15 */
  readonly atMost?: number;
  /** Repeats beyond `atLeast` as long as this lasts, ms. @defaultValue 1500 */
  readonly budgetMs?: number;
}

/** Runs `work`, which only queues and keeps nothing, several times, each by itself and waited for. */
export async function measure(
  device: Device,
  work: () => void,
  { atLeast = 5, atMost = 15, budgetMs = 1500 }: Repeat = {},
): Promise<Measured> {
  const gpu: number[] = [];
  const wall: number[] = [];
  const started = performance.now();
  while (wall.length < atLeast || (wall.length < atMost && performance.now() - started < budgetMs)) {
    const { profile } = await device.profile(work, { detail: "total" });
    wall.push(profile.wallMs);
    if (profile.spanMs !== undefined) gpu.push(profile.spanMs);
  }
  const wallMs = median(wall);
  return {
    ms: gpu.length > 0 ? median(gpu) : wallMs,
    wallMs,
    runs: wall.length,
    ...(gpu.length > 0 ? { gpuMs: median(gpu) } : {}),
  };
}

/** The middle value; the upper one of two. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
