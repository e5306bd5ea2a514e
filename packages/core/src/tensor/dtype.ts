/** Element types of a tensor. f16 is storage: arithmetic accumulates in f32. */
export type DType = "f32" | "f16" | "i32" | "u32";

/** What `tensor.data()` gives: f16 is widened to f32. */
export type TensorData = Float32Array | Int32Array | Uint32Array;

/** Bytes of one element. */
export const BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, i32: 4, u32: 4 };

/** Every allocation is a multiple of this, so that kernels may touch whole vec4s at the tail of a tensor. */
export const ALLOCATION_ALIGN = 16;
