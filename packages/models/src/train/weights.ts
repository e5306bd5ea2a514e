import { accumulate, ConfigError, type Device, type MeanCount, reshape, type Tensor } from "@dilated/core";
import { clipScale, mul, scale } from "@dilated/kernels";

/** What a micro-batch counts for among those of its step. */
export interface LossWeight {
  /** Things that its loss is a mean over, in units of `unit`; one f32 element. */
  readonly count: Tensor;
  /**
   * A power of two, the same for all micro-batches of a step: keeps gradients of f16 in the range that loss scaling has
   * found.
   */
  readonly unit: number;
  /** Numbers of things that cannot stand for the weight, and so must be the same in each micro-batch. */
  readonly fixed: string;
}

/** What decides about the unit of a step's weights. */
interface Measure {
  readonly unit: number | undefined;
  readonly microBatches: number;
  /** Where a count on the device says nothing about its size. */
  readonly samples: number;
}

/**
 * The weight of a loss that is made of these means. Counted targets come before means over everything there is (a
 * penalty on the weights, say), and a
 * loss of which nothing is known counts as much as any other.
 *
 * @throws ConfigError for a sum of means over different targets: no one weight makes the step of one batch of it.
 */
export function weightOf(device: Device, counts: readonly MeanCount[], measure: Measure): LossWeight {
  const targets = counts.filter(({ count }) => typeof count !== "number");
  if (targets.length > 1) throw severalMeans(`the loss adds means over ${targets.length} sets of targets`);
  const known = targets[0] ?? (counts.length === 1 ? counts[0] : undefined);
  const { count = 1, most = measure.samples } = known ?? { most: 1 };
  const unit = measure.unit ?? 2 ** Math.round(Math.log2(Math.max(1, most * measure.microBatches)));
  const fixed = known ? "" : counts.map(({ key }) => key).join(", ");
  if (typeof count === "number") return { count: device.full([], count / unit, { label: "weight" }), unit, fixed };
  return { count: scale(reshape(count, []), 1 / unit), unit, fixed };
}

/** loss · weight, one element of shape []. */
export function weighed(loss: Tensor, { count }: LossWeight): Tensor {
  return mul(reshape(loss, []), count);
}

/** Both micro-batches together. */
export function addWeights(sum: LossWeight, more: LossWeight): LossWeight {
  if (sum.fixed !== more.fixed)
    throw severalMeans(`the loss adds means over ${sum.fixed} and over ${more.fixed} things`);
  return { ...sum, count: accumulate(sum.count, more.count) };
}

/** Far below any sum of weights that is not 0. */
const LEAST = 2 ** -40;

/**
 * 1 / weight, one element on the device; a finite number where nothing counted, and so everything that it is multiplied
 * by is 0.
 */
export function inverse({ count }: LossWeight): Tensor {
  // min(1, 1 / (count / LEAST)) / LEAST
  return scale(clipScale(scale(count, 1 / LEAST), 1), 1 / LEAST);
}

function severalMeans(found: string): ConfigError {
  return new ConfigError("train: these micro-batches cannot make the step of one batch", {
    details: [`${found}: each would need a weight of its own`],
    fix: "say what the whole loss is a mean over, meanOver(loss, count), or leave accumulate out",
  });
}
