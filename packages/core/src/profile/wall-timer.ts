import type { DeviceTiming, ProfileDetail, TimedSpan, Timer } from "./timing.ts";

/** Times launches by this processor's clock, one after another: for backends that compute on the processor itself. */
export class WallTimer implements Timer {
  readonly #spans: TimedSpan[] = [];
  /** Launches are waited for one by one. */
  readonly perLaunch: boolean;
  readonly #started: number = performance.now();
  readonly #onStop: () => void;

  constructor(detail: ProfileDetail, onStop: () => void) {
    this.perLaunch = detail === "kernels";
    this.#onStop = onStop;
  }

  /** Runs `work`, which returns when the launch is done. */
  time(name: string, work: () => void): void {
    const begin = performance.now();
    work();
    this.#spans.push({ name, begin, end: performance.now() });
  }

  async stop(): Promise<DeviceTiming> {
    this.#onStop();
    const whole = { name: "", begin: this.#started, end: performance.now() };
    return { clock: "wall", quantumMs: 0, spans: this.perLaunch ? this.#spans : [whole] };
  }
}
