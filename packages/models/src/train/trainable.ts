import { checkCall, type Device, field, type Tensor } from "@dilated/core";
import { checkSameParameters, TRAINABLE } from "../options/kinds.ts";

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
  /**
   * Mean loss of a batch, one element; only queues work. On a GPU `train` calls it once more ahead of its first step,
   * to compile what it launches.
   *
   * With `accumulate`, micro-batches are weighed by what their means are over, so that they make the step of one
   * batch: `crossEntropy` and
   * `linearCrossEntropy` count targets, `mean` elements, and multiples and sums of them inherit it (targets come
   * first). Of a mean that you take in another
   * way say it yourself: `meanOver(loss, count)`; a loss of which nothing is known counts as much as any other.
   */
  loss(batch: Batch, options?: LossOptions): Tensor;
  /**
   * The same model over another tree of weights, of the same shapes. Needed where the default does not reach the weights: in closures, and in classes with
   * private fields. @defaultValue an object that inherits all but `parameters`
   */
  withParameters?(parameters: Parameters): Trainable<Batch, Parameters>;
}

/**
 * V of the tokens at a path of a batch ("", "source", "x.tokens"), where the model's configuration says: `vocab` of
 * all tokens, or that of `encoder` and
 * `decoder` of source and target.
 */
export function vocabularyOf({ config }: Trainable<never>): (path: string) => number | undefined {
  const positive = (part: unknown): number | undefined => {
    const vocab = (part as { vocab?: unknown } | undefined | null)?.vocab;
    return typeof vocab === "number" && vocab > 0 ? vocab : undefined;
  };
  const { encoder, decoder } = (config ?? {}) as { encoder?: unknown; decoder?: unknown };
  return (path) => positive(config) ?? positive(path === "source" ? encoder : path === "target" ? decoder : undefined);
}

const WITH_PARAMETERS = { model: TRAINABLE, parameters: field.any("a tree of tensors") };

/** The model over another tree of weights, which stays the caller's to free. */
export function withParameters<M extends Trainable<never>>(model: M, parameters: unknown): M {
  checkCall("withParameters", WITH_PARAMETERS, arguments);
  if (model.withParameters) return model.withParameters(parameters) as unknown as M;
  checkSameParameters("withParameters", parameters, model.parameters);
  // Methods and fields come from the prototype, `this.parameters` from the new object.
  return Object.create(model, { parameters: { value: parameters, enumerable: true } }) as M;
}
