import { type Filled, LimitError } from "@dilated/core";

/**
 * Dynamic loss scaling: gradients are computed of `scale · loss`, so that small ones do not round to zero in f16, and divided again before the update.
 *
 * @see Mixed Precision Training (arXiv 1710.03740), section 3.2
 */
export interface LossScaleOptions {
  /** The first scale. @defaultValue 65536 */
  readonly initial?: number | undefined;
  /** Factor after `interval` good steps in a row. @defaultValue 2 */
  readonly growth?: number | undefined;
  /** Factor after a step whose gradients overflowed. @defaultValue 0.5 */
  readonly backoff?: number | undefined;
  /** @defaultValue 2000 */
  readonly interval?: number | undefined;
}

/** Where dynamic loss scaling stands. */
export interface LossScale {
  readonly scale: number;
  /** Good steps since the scale last changed. */
  readonly streak: number;
}

export const LOSS_SCALE_DEFAULTS: Filled<LossScaleOptions> = {
  initial: 2 ** 16,
  growth: 2,
  backoff: 0.5,
  interval: 2000,
};

/** Steps in a row without finite gradients after which training stops: as many as halve the first loss scale to the least. */
export const MOST_SKIPPED = 30;

/** Training cannot go on: whatever is done, the gradients are not finite. */
export function notFinite(how: string, loss?: number): LimitError {
  return new LimitError("train: the gradients are not finite at any loss scale", {
    details: [how, ...(loss === undefined ? [] : [`loss of the last step: ${loss}`])],
    fix: 'look for NaN in the batches and for a division by zero in the loss, lower the learning rate, or train with precision "f32"',
  });
}

/** Below it no gradient of a sound loss overflows. */
const LEAST = 2 ** -14;
/** The scale itself and the seed of backward are f32. */
const MOST = 2 ** 100;

/**
 * The scale after a step.
 *
 * @param finite - were the gradients?
 * @throws LimitError when the scale has fallen so far that it cannot be what makes the gradients overflow.
 */
export function nextLossScale(
  { scale, streak }: LossScale,
  finite: boolean,
  options: Filled<LossScaleOptions>,
): LossScale {
  if (finite) {
    if (streak + 1 < options.interval) return { scale, streak: streak + 1 };
    return { scale: Math.min(MOST, scale * options.growth), streak: 0 };
  }
  const lower = scale * options.backoff;
  if (lower < LEAST) {
    throw notFinite(`loss scale ${scale}, backoff ${options.backoff}`);
  }
  return { scale: lower, streak: 0 };
}
