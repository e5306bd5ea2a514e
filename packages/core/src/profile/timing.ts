/** How finely launches are timed: each by itself, or only the whole, which leaves the way they are submitted as it is. */
export type ProfileDetail = "kernels" | "total";

/** One launch, or one stretch of launches that ran without a gap, on the device's clock. */
export interface TimedSpan {
  /** The kernel; empty for a stretch. */
  readonly name: string;
  /** Milliseconds from an arbitrary zero. */
  readonly begin: number;
  readonly end: number;
}

/** What a backend measured. */
export interface DeviceTiming {
  /** `timestamp-query`: the GPU's clock. `wall`: this processor's, around each launch. `none`: this GPU does not say. */
  readonly clock: "timestamp-query" | "wall" | "none";
  /** Timestamps are multiples of this, milliseconds; 0 where they are not rounded. */
  readonly quantumMs: number;
  readonly spans: readonly TimedSpan[];
}

/** A measurement that runs. */
export interface Timer {
  /** Ends it, and gives what was measured. Everything queued must be done. */
  stop(): Promise<DeviceTiming>;
}
