import type { BoundCall } from "../device/backend.ts";

/** Longest GPU time that one submission should take: watchdogs of operating systems and compositors start at about a second. */
export const BUDGET_MS = 200;

/** Pieces that one launch is cut into at most; more would only add overhead to a wrong estimate. */
export const MAX_PIECES = 4_096;

export type AdapterClass = "software" | "unknown" | "discrete";

/** First guesses, low on purpose: flop per ms, and bytes per ms. */
const START: Record<AdapterClass, { readonly flops: number; readonly bytes: number }> = {
  software: { flops: 2e5, bytes: 5e5 },
  unknown: { flops: 1e8, bytes: 1e7 },
  discrete: { flops: 2e9, bytes: 1e8 },
};

/** Learns how fast the device is from what submissions took, so that only launches that really are long get cut. */
export class CostModel {
  readonly #start: number;
  readonly #bytesPerMs: number;
  #flopsPerMs: number;
  #previousEnd = 0;

  constructor(adapter: AdapterClass) {
    this.#start = START[adapter].flops;
    this.#flopsPerMs = this.#start;
    this.#bytesPerMs = START[adapter].bytes;
  }

  get flopsPerMs(): number {
    return this.#flopsPerMs;
  }

  /** Estimated time of a launch. Kernels without `flops` count the bytes they can see. */
  estimate(call: BoundCall): number {
    let bytes = 0;
    for (const tensor of call.bound) bytes += tensor?.bytes ?? 0;
    return Math.max((call.flops ?? 0) / this.#flopsPerMs, bytes / this.#bytesPerMs);
  }

  /** Pieces into which a launch is cut: by its flops alone, since bytes that a kernel can see say little about what it reads. */
  pieces(call: BoundCall): number {
    const flops = Math.max(call.flops ?? 0, call.mostFlops ?? 0);
    return Math.min(MAX_PIECES, Math.max(1, Math.ceil(flops / this.#flopsPerMs / BUDGET_MS)));
  }

  /**
   * A submission of `flops` went out at `submitted` and was done at `done` (ms). Submissions queue up, so its own time starts when the one before ended.
   * Slower than thought counts at once, faster step by step; other work in the submission only makes the estimate more careful.
   */
  observe(flops: number, submitted: number, done: number): void {
    const took = done - Math.max(submitted, this.#previousEnd);
    this.#previousEnd = Math.max(this.#previousEnd, done);
    const expected = flops / this.#flopsPerMs;
    if (expected < 1) return;
    // Completion is told with a delay of 2 to 3 ms.
    const seen = flops / Math.max(took, 3);
    this.#flopsPerMs = Math.max(this.#start / 64, Math.min(seen, this.#flopsPerMs * 4));
  }
}
