/** One array of a state dict. Data of dtype f16 are raw half-precision words. */
export interface StateTensor {
  readonly dtype?: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** A state dict: arrays by their PyTorch names. What `readSafetensors` and `readPth` call `tensors` is one. */
export type StateDict = ReadonlyMap<string, StateTensor>;
