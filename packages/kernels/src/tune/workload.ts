import type { Device, Tensor, Tree } from "@dilated/core";

/** Some work whose kernels are tuned: all variants that it asks for, one key after the other. */
export interface TuneWorkload {
  /** For people: `attention forward f16 [1, 8192, 8, 64]`. */
  readonly name: string;
  /** Makes the operands. Only queues; asks for no variants of its own that matter. */
  prepare(device: Device): PreparedWorkload;
}

/** A workload with its operands on the device. */
export interface PreparedWorkload {
  /**
   * Queues the work once and returns what must be the same with every variant: tensors that it makes, which are freed after each run. Called inside a
   * scope; it may leave temporaries.
   */
  run(): Readonly<Record<string, Tensor>>;
  /** Disposed of afterwards. */
  readonly operands: Tree;
}
