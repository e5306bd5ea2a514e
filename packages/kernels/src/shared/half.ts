import { cast, type DType, type Maybe, type Tensor } from "@dilated/core";

/** WebAssembly kernels of this package compute on f32: an f16 tensor is widened first there. Elsewhere the tensor itself. */
export function widen<T extends Maybe<Tensor>>(x: T): T {
  return x && x.dtype === "f16" && x.device.info.backend === "wasm" ? (cast(x, "f32") as T) : x;
}

/** The dtype in which a kernel writes a result that is to be stored as `dtype`: f32 on WebAssembly. */
export function kernelDtype(device: Tensor["device"], dtype: DType): DType {
  return device.info.backend === "wasm" && dtype === "f16" ? "f32" : dtype;
}

/** `x` stored as `dtype`; the tensor itself when it is already. */
export function stored(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : cast(x, dtype);
}
