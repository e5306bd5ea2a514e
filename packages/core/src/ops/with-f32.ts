import type { Maybe } from "../autograd/op.ts";
import type { Device } from "../device/device.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { cast } from "./cast.ts";

/**
 * For kernels whose WebAssembly body takes f32 only. There, f16 inputs are widened before `work`, which is told to write f32 where f16 is wanted,
 * and its results are rounded to f16 afterwards; on WebGPU `work` gets everything as it is. Temporaries are freed.
 *
 * @param results - the dtypes that the results are wanted in, one each
 * @param work - given the inputs and the dtypes to write; returns the results
 * @example
 * ```ts
 * const [y] = withF32(x.device, [x], [x.dtype], ([x], [dtype]) => [relu(x, dtype)]);
 * ```
 */
export function withF32<I extends readonly Maybe<Tensor>[]>(
  device: Device,
  inputs: I,
  results: readonly DType[],
  work: (inputs: I, dtypes: readonly DType[]) => readonly Tensor[],
): readonly Tensor[] {
  if (device.info.backend !== "wasm" || ![...results, ...inputs.map((input) => input?.dtype)].includes("f16"))
    return work(inputs, results);
  return device.scope(() => {
    const wide = inputs.map((input) => (input?.dtype === "f16" ? cast(input, "f32") : input)) as unknown as I;
    const made = work(
      wide,
      results.map((dtype) => (dtype === "f16" ? "f32" : dtype)),
    );
    return made.map((tensor, i) => (tensor.dtype === results[i] ? tensor : cast(tensor, results[i] as DType)));
  });
}
