import type { Device } from "@dilated/core";

/** A sample shorter than this says more about the clock than about the kernel, ms. */
const SAMPLE_MS = 4;
/** Clocks of browsers count in steps; a sample has at least so many. */
const STEPS = 20;
const MOST_RUNS = 64;
/** A GPU that was idle runs slowly at first: so long it works before it is timed, ms. */
const WARM_UP_MS = 60;

/** Milliseconds that `run` takes on the device. */
export interface Stopwatch {
  /** One sample of each piece of work, in turn, so that a GPU that warms up or slows down does so for all alike. Medians of `rounds`. */
  medians(works: readonly (() => void)[], rounds: number): Promise<number[]>;
}

/** Times by the device's clock where it has one, else by this thread's around a drained device. */
export function stopwatch(device: Device, ended: () => boolean): Stopwatch {
  /** ms a run */
  const sample = async (work: () => void, runs: number): Promise<{ ms: number; quantumMs: number }> => {
    const all = () => {
      for (let i = 0; i < runs; i++) device.scope(work);
    };
    const { profile } = await device.profile(all, { detail: "total" });
    return { ms: (profile.deviceMs ?? profile.wallMs) / runs, quantumMs: profile.quantumMs };
  };
  return {
    async medians(works, rounds) {
      const began = performance.now();
      const [first] = works;
      while (first && performance.now() - began < WARM_UP_MS && !ended()) await sample(first, 1);
      const plans: { work: () => void; runs: number; samples: number[] }[] = [];
      for (const work of works) {
        const { ms, quantumMs } = await sample(work, 1);
        const least = Math.max(SAMPLE_MS, STEPS * quantumMs);
        const runs = Math.max(1, Math.min(MOST_RUNS, Math.ceil(least / Math.max(ms, 1e-3))));
        plans.push({ work, runs, samples: [ms] });
      }
      for (let round = 0; round < rounds && !(round > 0 && ended()); round++) {
        for (const plan of plans) {
          // The first sample only told how many runs make a good one.
          if (round === 0) plan.samples.length = 0;
          plan.samples.push((await sample(plan.work, plan.runs)).ms);
        }
      }
      return plans.map(({ samples }) => median(samples));
    },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
