import type { DeviceTiming, ProfileDetail, TimedSpan, Timer } from "./timing.ts";

/** Times launches by this processor's clock: for backends that compute on the processor itself. */
export class WallTimer implements Timer {
  readonly #spans: TimedSpan[] = [];
  /** Launches are timed one by one. */
  readonly perLaunch: boolean;
  readonly #started: number = performance.now();
  readonly #onStop: () => void;

  constructor(detail: ProfileDetail, onStop: () => void) {
    this.perLaunch = detail === "kernels";
    this.#onStop = onStop;
  }

  /** Notes a launch; in the order in which they ran, milliseconds from any zero. Threads' clocks differ a little, and launches do not overlap. */
  note(name: string, began: number, ended: number): void {
    const begin = Math.max(began, this.#spans.at(-1)?.end ?? began);
    this.#spans.push({ name, begin, end: Math.max(begin, ended) });
  }

  async stop(): Promise<DeviceTiming> {
    this.#onStop();
    const whole = { name: "", begin: this.#started, end: performance.now() };
    return { clock: "wall", quantumMs: 0, spans: this.perLaunch ? this.#spans : [whole] };
  }
}
