import type { DType } from "@dilated/core";

type Raw = Float32Array | Float64Array | Uint16Array | Int16Array | Int8Array | Uint8Array | Int32Array | BigInt64Array;

/** How a type of torch is stored, and what it becomes. */
export interface StoredType {
  readonly width: number;
  readonly dtype: DType;
  /** Views stored bytes; `at` is a multiple of `width`. */
  readonly view: (buffer: ArrayBufferLike, at: number, count: number) => Raw;
  /** A stored element as a number; absent where the stored array already is what it becomes. */
  readonly convert?: (element: never) => number;
}

const bits = new Uint32Array(1);
const single = new Float32Array(bits.buffer);

/** A bfloat16 is the upper half of an f32. */
function widenBF16(word: number): number {
  bits[0] = word << 16;
  return single[0] as number;
}

const same = (element: number): number => element;
const narrow = (element: bigint): number => Number(element);

/** By the name of torch's storage class. f64 is rounded to f32; an i64 must fit 32 bits. */
export const STORED_TYPES: Readonly<Record<string, StoredType>> = {
  FloatStorage: { width: 4, dtype: "f32", view: (buffer, at, count) => new Float32Array(buffer, at, count) },
  HalfStorage: { width: 2, dtype: "f16", view: (buffer, at, count) => new Uint16Array(buffer, at, count) },
  IntStorage: { width: 4, dtype: "i32", view: (buffer, at, count) => new Int32Array(buffer, at, count) },
  BFloat16Storage: {
    width: 2,
    dtype: "f32",
    view: (buffer, at, count) => new Uint16Array(buffer, at, count),
    convert: widenBF16,
  },
  DoubleStorage: {
    width: 8,
    dtype: "f32",
    view: (buffer, at, count) => new Float64Array(buffer, at, count),
    convert: same,
  },
  LongStorage: {
    width: 8,
    dtype: "i32",
    view: (buffer, at, count) => new BigInt64Array(buffer, at, count),
    convert: narrow,
  },
  ShortStorage: {
    width: 2,
    dtype: "i32",
    view: (buffer, at, count) => new Int16Array(buffer, at, count),
    convert: same,
  },
  CharStorage: { width: 1, dtype: "i32", view: (buffer, at, count) => new Int8Array(buffer, at, count), convert: same },
  ByteStorage: {
    width: 1,
    dtype: "u32",
    view: (buffer, at, count) => new Uint8Array(buffer, at, count),
    convert: same,
  },
  BoolStorage: {
    width: 1,
    dtype: "u32",
    view: (buffer, at, count) => new Uint8Array(buffer, at, count),
    convert: same,
  },
};
