import { accumulate, ConfigError, cast, type Device, type Tensor, treeTensors, valueAndGrad } from "@dilated/core";
import { batchToDevice, type OnDevice } from "./batch.ts";
import type { Trainable } from "./trainable.ts";

/** Sums over the micro-batches of a step, on the device. */
export interface Gradients {
  /** Sum of the losses, one f32 element. */
  readonly loss: Tensor;
  /** One a parameter, times the seed of {@link addGradients}; f32, or f16 of a single micro-batch in mixed precision. */
  readonly grads: readonly Tensor[];
}

/** How one micro-batch is differentiated. */
export interface MicroBatch<B> {
  readonly batch: B;
  readonly dropoutSeed: number;
  /** Gradient of the result with respect to the loss: loss scale / micro-batches. */
  readonly seed: number;
  /** More than one micro-batch: add in f32. */
  readonly several: boolean;
}

/** Queues forward and backward of one micro-batch and adds to `sum`, in place. */
export function addGradients<B>(
  model: Trainable<OnDevice<B>>,
  { batch, dropoutSeed, seed, several }: MicroBatch<B>,
  sum: Gradients | undefined,
): Gradients {
  const { device } = model;
  return device.scope(() => {
    const half = treeTensors(model.parameters).some(({ dtype }) => dtype === "f16");
    const given = batchToDevice(device, batch, { float: half ? "f16" : "f32", vocab: vocabOf(model) });
    const work = () => lossOf(device, () => model.loss(given, { dropoutSeed }));
    const { value, grads } = valueAndGrad(model.parameters, work, { seed });
    const found = treeTensors(grads).map((grad) => (several ? cast(grad, "f32") : grad));
    if (!sum) return { loss: value, grads: found };
    return { loss: add(sum.loss, value), grads: sum.grads.map((grad, i) => add(grad, found[i] as Tensor)) };
  });
}

export function disposeGradients({ loss, grads }: Gradients): void {
  for (const tensor of [loss, ...grads]) tensor.dispose();
}

/** V of a model whose configuration names one. */
function vocabOf({ config }: Trainable<never>): number | undefined {
  const vocab = (config as { vocab?: unknown } | undefined)?.vocab;
  return typeof vocab === "number" && vocab > 0 ? vocab : undefined;
}

/** Recorded as f32, so that a seed beyond f16 can flow into it. */
function lossOf(device: Device, work: () => Tensor): Tensor {
  const loss = cast(work(), "f32");
  if (device.tape?.tracks(loss.id)) return loss;
  throw new ConfigError("train: the loss does not depend on the parameters that it was given", {
    details: ["mixed precision and EMA run the loss over other weights than the model was made with"],
    fix: "read the weights from this.parameters inside loss(), or give the model a withParameters(parameters) method",
  });
}

/** Adds to `sum` and frees it when that cannot be done in place: one gradient may stand for two parameters. */
function add(sum: Tensor, more: Tensor): Tensor {
  if (sum.storage.references === 1) return accumulate(sum, more, sum);
  const total = accumulate(sum, more);
  sum.dispose();
  return total;
}
