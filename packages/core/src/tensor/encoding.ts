import type { DType, TensorData } from "./dtype.ts";
import { f16ToF32, f32ToF16 } from "./float16.ts";

/** Little-endian bytes of `values` as `dtype`; typed arrays of the same layout are viewed, not copied. */
export function encode(dtype: DType, values: ArrayLike<number>): Uint8Array {
  if (dtype === "f32" && values instanceof Float32Array) return view(values);
  if (dtype === "i32" && values instanceof Int32Array) return view(values);
  if (dtype === "u32" && values instanceof Uint32Array) return view(values);
  if (dtype === "f16") return view(values instanceof Uint16Array ? values : f32ToF16(values));
  if (dtype === "f32") return view(Float32Array.from(values));
  return view(dtype === "i32" ? Int32Array.from(values) : Uint32Array.from(values));
}

/** The elements in `bytes`; f16 is widened. `bytes` must be aligned to 4 and owned by the caller. */
export function decode(dtype: DType, bytes: Uint8Array, size: number): TensorData {
  if (dtype === "f32") return new Float32Array(bytes.buffer, bytes.byteOffset, size);
  if (dtype === "i32") return new Int32Array(bytes.buffer, bytes.byteOffset, size);
  if (dtype === "u32") return new Uint32Array(bytes.buffer, bytes.byteOffset, size);
  return f16ToF32(new Uint16Array(bytes.buffer, bytes.byteOffset, size));
}

function view(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
