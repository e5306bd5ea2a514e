import type { Tensor } from "../tensor/tensor.ts";

/** An optional input that was left out, or a gradient nobody needs. */
export type Maybe<T> = T | undefined;

/** What a forward pass leaves behind. */
export interface ForwardResult {
  readonly outputs: readonly Tensor[];
  /** What backward needs, inputs and outputs included; the tape keeps these alive, and nothing else. */
  readonly saved: readonly Maybe<Tensor>[];
}

/** What a backward pass is given. */
export interface BackwardCall<O> {
  readonly saved: readonly Maybe<Tensor>[];
  /** Gradient of each output; undefined where the loss does not depend on it. At least one is given. */
  readonly grads: readonly Maybe<Tensor>[];
  /** Which inputs' gradients are wanted. */
  readonly needs: readonly boolean[];
  readonly options: O;
  /**
   * Where the gradient of an input may be written, of its shape and dtype; contents undefined. A backward pass that
   * takes it must return it. Undefined where nobody has a place, which is always so outside of training.
   */
  readonly place?: ((input: number) => Maybe<Tensor>) | undefined;
}

/**
 * A differentiable operation: forward and backward are registered together, so that nothing can be differentiated half-way.
 * Both only queue work. Backward returns one gradient an input (undefined where not needed), in the shape and dtype of the input;
 * it may return a tensor it was given.
 */
export interface DifferentiableOp<O> {
  readonly name: string;
  forward(inputs: readonly Maybe<Tensor>[], options: O): ForwardResult;
  backward(call: BackwardCall<O>): readonly Maybe<Tensor>[];
}
