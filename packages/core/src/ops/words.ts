import type { TensorArgument } from "../kernel/definition.ts";
import { BYTES } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { FlatWindow } from "./windows.ts";

/** The memory of `x` as u32 words, for kernels that compute bits; shares memory. Dispose of it. */
export function asWords(x: Tensor): Tensor {
  const count = Math.ceil((x.size * BYTES[x.dtype]) / 4);
  return x.device.adopt({ storage: x.storage.retain(), shape: [count], dtype: "u32", label: x.label });
}

/** The part of `words` that holds the elements of `window`, which are `width` bytes each. */
export function wordsWindow(words: Tensor, window: FlatWindow, width: number): TensorArgument {
  return { tensor: words, offset: (window.offset * width) / 4, length: Math.ceil((window.length * width) / 4) };
}
