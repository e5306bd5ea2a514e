import type { Device, Tensor } from "@dilated/core";

/** What the training loop tells a loss. */
export interface LossOptions {
  /** Turns dropout on and seeds it: `deriveSeed(seed, micro-batch)`, another one for each. Tell layers apart by `stream`, not by adding to it. */
  readonly dropoutSeed?: number | undefined;
}

/**
 * Anything that can be trained: parameters, and the loss of a batch. Our models are; so is an object of yours.
 *
 * The loss reads its weights from `this.parameters` when it is called: mixed precision and EMA run the same loss over other weights (see
 * `withParameters`).
 */
export interface Trainable<Batch = Tensor, Parameters = unknown> {
  readonly device: Device;
  /** Nested objects and arrays of f32 tensors. */
  readonly parameters: Parameters;
  /** JSON that tells models apart; a checkpoint is refused by a model of another configuration. */
  readonly config?: unknown;
  /** Mean loss of a batch, one element; only queues work. On a GPU `train` calls it once more ahead of its first step, to compile what it launches. */
  loss(batch: Batch, options?: LossOptions): Tensor;
  /**
   * The same model over another tree of weights, of the same shapes. Needed where the default does not reach the weights: in closures, and in classes with
   * private fields. @defaultValue an object that inherits all but `parameters`
   */
  withParameters?(parameters: Parameters): Trainable<Batch, Parameters>;
}

/** The model over another tree of weights, which stays the caller's to free. */
export function withParameters<M extends Trainable<never>>(model: M, parameters: unknown): M {
  if (model.withParameters) return model.withParameters(parameters) as unknown as M;
  // Methods and fields come from the prototype, `this.parameters` from the new object.
  return Object.create(model, { parameters: { value: parameters, enumerable: true } }) as M;
}
