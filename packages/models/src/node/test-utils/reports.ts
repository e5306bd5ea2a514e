import type { TrainStep } from "../../train/report.ts";

/** A report as `train` gives it. */
export function stepReport(step: number, more: Partial<TrainStep> = {}): TrainStep {
  return {
    step,
    steps: 100,
    loss: 5 / Math.sqrt(step),
    gradNorm: 2 / step,
    learningRate: 1e-3,
    skipped: false,
    lossScale: 1,
    tokens: 4096,
    tokensPerSecond: 9000,
    eta: 10,
    peakBytes: 2 ** 20,
    state: { step, skipped: 0, optimizer: {}, settings: {} },
    ...more,
  };
}
