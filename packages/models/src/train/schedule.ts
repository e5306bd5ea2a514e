import { ConfigError } from "@dilated/core";

/** Learning rate by step, counted from 0. */
export type Schedule = (step: number) => number;

/** Linear warm-up to `peak`, then half a cosine down to `floor`. */
export interface WarmupCosineOptions {
  /** Highest learning rate. */
  readonly peak: number;
  /** Steps of linear warm-up; the first step already learns. @defaultValue 0 */
  readonly warmup?: number;
  /** Steps in all; later ones stay at the floor. */
  readonly total: number;
  /** @defaultValue peak / 10 */
  readonly floor?: number;
}

/** @throws ConfigError unless 0 <= floor <= peak and 0 <= warmup < total. */
export function warmupCosine(options: WarmupCosineOptions): Schedule {
  const { peak, warmup = 0, total, floor = peak / 10 } = options;
  if (!(peak > 0 && floor >= 0 && floor <= peak && warmup >= 0 && total > warmup)) {
    throw new ConfigError("warmupCosine: need 0 <= floor <= peak and 0 <= warmup < total", {
      details: [`peak ${peak}, floor ${floor}, warmup ${warmup}, total ${total}`],
      fix: "lower warmup, or train for more steps",
    });
  }
  return (step) => {
    if (step < warmup) return (peak * (step + 1)) / warmup;
    const progress = Math.min(1, (step - warmup) / (total - warmup));
    return floor + (peak - floor) * 0.5 * (1 + Math.cos(Math.PI * progress));
  };
}
