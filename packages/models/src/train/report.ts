import type { TrainState } from "./state.ts";

/** What one step reports. */
export interface TrainStep {
  /** Counts from 1. */
  readonly step: number;
  readonly steps: number;
  /**
   * Of all micro-batches of the step as one batch, before the update; nats a token that counts for language models. 0
   * where none counts.
   */
  readonly loss: number;
  /** Norm of the whole gradient, before clipping; not finite when the step was skipped. */
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Did the gradients overflow? The weights are then as they were. */
  readonly skipped: boolean;
  /** What the loss was multiplied by in this step; 1 unless in mixed precision. */
  readonly lossScale: number;
  /** Predicted tokens of this step, without those that are masked; samples where the batches hold none. */
  readonly tokens: number;
  /** Since the generator's first step, evaluations and whatever the caller does between steps not counted. */
  readonly tokensPerSecond: number;
  /** Seconds left at this pace. */
  readonly eta: number;
  /** Bytes of tensors alive, at their highest so far. */
  readonly peakBytes: number;
  /** What the option `evaluate` found behind this step. */
  readonly evaluation?: Readonly<Record<string, number>>;
  readonly state: TrainState;
}
