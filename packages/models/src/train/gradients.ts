import {
  accumulate,
  ConfigError,
  cast,
  castJoined,
  checkArgument,
  type Device,
  field,
  gradientPlaces,
  joinedRuns,
  type Tensor,
  treeTensors,
  valueAndGrad,
  withMeanCounts,
} from "@dilated/core";
import { mul } from "@dilated/kernels";
import { batchToDevice, countOf, type OnDevice } from "./batch.ts";
import { type Trainable, vocabularyOf } from "./trainable.ts";
import { addWeights, inverse, type LossWeight, weighed, weightOf } from "./weights.ts";

/** Sums over the micro-batches of a step, on the device. */
export interface Gradients {
  /** Sum of the losses times their weights, one f32 element. */
  readonly loss: Tensor;
  /**
   * One a parameter, of that sum times the seed of {@link addGradients}; f32, or f16 of a single micro-batch in mixed
   * precision.
   */
  readonly grads: readonly Tensor[];
  /** Sum of the weights; absent of a single micro-batch, which weighs 1. */
  readonly weight?: LossWeight | undefined;
}

/** How one micro-batch is differentiated. */
export interface MicroBatch<B> {
  readonly batch: B;
  readonly dropoutSeed: number;
  /** Gradient of the result with respect to the loss: the loss scale. */
  readonly seed: number;
  /** Micro-batches of the step. More than one are weighed by what their losses are means over, and added in f32. */
  readonly microBatches: number;
}

/** Queues forward and backward of one micro-batch and adds to `sum`, in place. */
export function addGradients<B>(
  model: Trainable<OnDevice<B>>,
  { batch, dropoutSeed, seed, microBatches }: MicroBatch<B>,
  sum: Gradients | undefined,
): Gradients {
  const { device } = model;
  return device.scope(() => {
    const half = treeTensors(model.parameters).some(({ dtype }) => dtype === "f16");
    const given = batchToDevice(device, batch, { float: half ? "f16" : "f32", vocabAt: vocabularyOf(model) });
    const work = () => lossOf(device, () => model.loss(given, { dropoutSeed }));
    if (microBatches === 1) {
      const { value, grads } = valueAndGrad(model.parameters, work, { seed, places: gradientPlaces });
      return { loss: value, grads: treeTensors(grads) };
    }
    const measure = { unit: sum?.weight?.unit, microBatches, samples: countOf(batch) };
    let weight: LossWeight | undefined;
    const weighedWork = () =>
      withMeanCounts(device, work, (loss, counts) => {
        const own = weightOf(device, counts, measure);
        weight = { ...own, count: own.count.detachedAlias() }; // the tape's scope ends before it is added
        return weighed(loss, own);
      });
    try {
      const { value, grads } = valueAndGrad(model.parameters, weighedWork, { seed, places: gradientPlaces });
      const found = castJoined(treeTensors(grads), "f32");
      const own = weight as unknown as LossWeight;
      if (!sum) return { loss: value, grads: found, weight: { ...own, count: own.count.alias() } };
      const total = addWeights(sum.weight as LossWeight, own);
      sum.weight?.count.dispose();
      return { loss: add(sum.loss, value), grads: addAll(sum.grads, found), weight: total };
    } finally {
      weight?.count.dispose();
    }
  });
}

export function disposeGradients({ loss, grads, weight }: Gradients): void {
  for (const tensor of [loss, weight?.count, ...grads]) tensor?.dispose();
}

/** The loss of all micro-batches as one batch, one element. */
export function meanLoss({ loss, weight }: Gradients): Tensor {
  return loss.device.scope(() => (weight ? mul(loss, inverse(weight)) : loss.alias()));
}

const LOSS = field.tensor();

/** Recorded as f32, so that a seed beyond f16 can flow into it. */
function lossOf(device: Device, work: () => Tensor): Tensor {
  const given = work();
  checkArgument("train", "what model.loss returns", LOSS, given);
  const loss = cast(given, "f32");
  if (device.tape?.tracks(loss.id)) return loss;
  throw new ConfigError("train: the loss does not depend on the parameters that it was given", {
    details: ["mixed precision and EMA run the loss over other weights than the model was made with"],
    fix: "read the weights from this.parameters inside loss(), or give the model a withParameters(parameters) method",
  });
}

/** Adds to sums, by one launch for all that lie side by side. */
function addAll(sums: readonly Tensor[], more: readonly Tensor[]): readonly Tensor[] {
  const result = [...sums];
  for (const { members, of } of joinedRuns([sums, more])) {
    if (members.length > 1 && members.every((i) => sums[i]?.storage.references === 1)) {
      const sum = of(0) as Tensor;
      accumulate(sum, of(1) as Tensor, sum);
    } else for (const i of members) result[i] = add(sums[i] as Tensor, more[i] as Tensor);
  }
  return result;
}

/** Adds to `sum` and frees it when that cannot be done in place: one gradient may stand for two parameters. */
function add(sum: Tensor, more: Tensor): Tensor {
  if (sum.storage.references === 1) return accumulate(sum, more, sum);
  const total = accumulate(sum, more);
  sum.dispose();
  return total;
}
