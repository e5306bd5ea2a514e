import type { DType } from "../tensor/dtype.ts";

/** Types of the format that become tensors. */
export type StoredType =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "F8_E5M2"
  | "F8_E4M3"
  | "I64"
  | "I32"
  | "I16"
  | "I8"
  | "U64"
  | "U32"
  | "U16"
  | "U8"
  | "BOOL";

/** How a type of the format is stored, and what it becomes here. */
export interface StoredForm {
  /** Bytes of an element. */
  readonly width: number;
  readonly dtype: DType;
  /** Little-endian elements; `at` is a multiple of `width`. */
  readonly view: (buffer: ArrayBufferLike, at: number, count: number) => ArrayLike<number | bigint>;
  /** An element as a number; absent where the stored array already is what it becomes. */
  readonly convert?: (element: never) => number;
}

const same = (element: number): number => element;
const narrow = (element: bigint): number => Number(element);

/** By the format's names. 64-bit integers must fit 32 bits when they are converted; F64 is rounded to f32. */
export const STORED_FORMS: Readonly<Record<StoredType, StoredForm>> = {
  F32: { width: 4, dtype: "f32", view: (buffer, at, count) => new Float32Array(buffer, at, count) },
  F16: { width: 2, dtype: "f16", view: (buffer, at, count) => new Uint16Array(buffer, at, count) },
  I32: { width: 4, dtype: "i32", view: (buffer, at, count) => new Int32Array(buffer, at, count) },
  U32: { width: 4, dtype: "u32", view: (buffer, at, count) => new Uint32Array(buffer, at, count) },
  BF16: {
    width: 2,
    dtype: "f32",
    view: (buffer, at, count) => new Uint16Array(buffer, at, count),
    convert: (word: number) => small(word, 8, 7),
  },
  F64: { width: 8, dtype: "f32", view: (buffer, at, count) => new Float64Array(buffer, at, count), convert: same },
  I64: { width: 8, dtype: "i32", view: (buffer, at, count) => new BigInt64Array(buffer, at, count), convert: narrow },
  U64: { width: 8, dtype: "u32", view: (buffer, at, count) => new BigUint64Array(buffer, at, count), convert: narrow },
  I16: { width: 2, dtype: "i32", view: (buffer, at, count) => new Int16Array(buffer, at, count), convert: same },
  U16: { width: 2, dtype: "u32", view: (buffer, at, count) => new Uint16Array(buffer, at, count), convert: same },
  I8: { width: 1, dtype: "i32", view: (buffer, at, count) => new Int8Array(buffer, at, count), convert: same },
  U8: { width: 1, dtype: "u32", view: (buffer, at, count) => new Uint8Array(buffer, at, count), convert: same },
  BOOL: {
    width: 1,
    dtype: "u32",
    view: (buffer, at, count) => new Uint8Array(buffer, at, count),
    convert: (byte: number) => (byte === 0 ? 0 : 1),
  },
  F8_E5M2: {
    width: 1,
    dtype: "f32",
    view: (buffer, at, count) => new Uint8Array(buffer, at, count),
    convert: (byte: number) => small(byte, 5, 2),
  },
  // The variant without infinities: only 0x7f and 0xff are no numbers.
  F8_E4M3: {
    width: 1,
    dtype: "f32",
    view: (buffer, at, count) => new Uint8Array(buffer, at, count),
    convert: (byte: number) => ((byte & 127) === 127 ? Number.NaN : small(byte, 4, 3, false)),
  },
};

/** A float of so many bits of exponent and fraction; `ieee`: the highest exponent means infinity and NaN. */
function small(bits: number, exponentBits: number, fractionBits: number, ieee = true): number {
  const sign = bits >> (exponentBits + fractionBits) ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (ieee && exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}
