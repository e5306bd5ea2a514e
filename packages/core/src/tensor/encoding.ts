import { isNumberList } from "../config/list.ts";
import { DtypeError, ShapeError } from "../errors/index.ts";
import { quote } from "../errors/quote.ts";
import type { DType, TensorData } from "./dtype.ts";
import { f16ToF32, f32ToF16 } from "./float16.ts";

/** Numbers on the host. 64-bit integers go into i32 and u32 where they fit. */
export type HostNumbers = ArrayLike<number> | BigInt64Array | BigUint64Array;

const RANGES = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const;

/** Typed arrays whose every value an integer dtype holds. */
const FITS = {
  i32: [Int32Array, Int16Array, Int8Array, Uint16Array, Uint8Array, Uint8ClampedArray],
  u32: [Uint32Array, Uint16Array, Uint8Array, Uint8ClampedArray],
} as const;

/** Throws unless `values` is a flat list of numbers, as far as can be told at once. */
export function checkList(caller: string, values: unknown): asserts values is HostNumbers {
  if (isNumberList(values)) return;
  throw new DtypeError(`${caller}: values are an array or a typed array of numbers`, {
    details: [`given: ${quote(values)}`],
    fix: "pass a list such as [1, 2, 3], and the shape behind it",
  });
}

/**
 * Little-endian bytes of `values` as `dtype`; typed arrays of the same layout are viewed, not copied. f16: a Uint16Array holds raw words.
 *
 * @throws DtypeError for what is no number, and for what an integer dtype cannot hold: fractions, NaN, numbers out of range.
 */
export function encode(caller: string, dtype: DType, values: HostNumbers): Uint8Array {
  if (dtype === "f32" && values instanceof Float32Array) return view(values);
  if (dtype === "f16" && values instanceof Uint16Array) return view(values);
  if (dtype === "i32" || dtype === "u32") return encodeIntegers(caller, dtype, values);
  if (!isNumeric(values)) {
    for (let i = 0; i < values.length; i++)
      if (typeof values[i] !== "number") throw badElement(caller, dtype, values[i], i);
  }
  return view(dtype === "f16" ? f32ToF16(values as ArrayLike<number>) : Float32Array.from(values as ArrayLike<number>));
}

/**
 * The dtype that holds all of `values`: i32 becomes u32 where one of them is above 2^31 - 1, so that none wraps. What neither holds, {@link encode}
 * refuses.
 */
export function dtypeOf(dtype: DType, values: HostNumbers): DType {
  if (dtype !== "i32" || FITS.i32.some((type) => values instanceof type)) return dtype;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if ((typeof value === "number" || typeof value === "bigint") && value > RANGES.i32[1]) return "u32";
  }
  return dtype;
}

function encodeIntegers(caller: string, dtype: "i32" | "u32", values: HostNumbers): Uint8Array {
  const Native = FITS[dtype][0];
  if (values instanceof Native) return view(values);
  const out = new Native(values.length);
  if (FITS[dtype].some((type) => values instanceof type)) {
    out.set(values as ArrayLike<number>);
    return view(out);
  }
  const big = values instanceof BigInt64Array || values instanceof BigUint64Array;
  for (let i = 0; i < values.length; i++) {
    const value = big ? Number(values[i]) : values[i];
    if (typeof value === "number") out[i] = value;
    // Nothing but an integer in range comes back equal; -0 does.
    if (out[i] !== value) throw badElement(caller, dtype, values[i], i);
  }
  return view(out);
}

/** Throws unless `value` can be an element of `dtype`. */
export function checkElement(caller: string, dtype: DType, value: unknown): asserts value is number {
  const range = dtype === "i32" || dtype === "u32" ? RANGES[dtype] : undefined;
  const fits = range ? Number.isInteger(value) && (value as number) >= range[0] && (value as number) <= range[1] : true;
  if (typeof value !== "number" || !fits) throw badElement(caller, dtype, value);
}

/** Says which element is wrong, why, and what to do. */
function badElement(caller: string, dtype: DType, value: unknown, at?: number): Error {
  const element = at === undefined ? "the value" : `element ${at}`;
  if (ArrayBuffer.isView(value) || Array.isArray(value)) {
    const width = (value as unknown as ArrayLike<unknown>).length;
    return new ShapeError(`${caller}: ${element} is an array of ${width}; values are one flat list`, {
      details: ["the shape is given apart from the values"],
      fix: `pass values.flat(Infinity), and the shape behind it, such as [rows, ${width}]`,
    });
  }
  const range = dtype === "i32" || dtype === "u32" ? RANGES[dtype] : undefined;
  const numeric = typeof value === "number" || typeof value === "bigint";
  return new DtypeError(`${caller}: ${element} is ${quote(value)}, which ${dtype} cannot hold`, {
    details: [`${dtype} holds ${range ? `integers from ${range[0]} to ${range[1]}` : "numbers"}`],
    fix: numeric && range ? 'round and clamp the values, or use { dtype: "f32" }' : "convert the values to numbers",
  });
}

/** Typed arrays of numbers need no look at each element. */
function isNumeric(values: HostNumbers): boolean {
  return ArrayBuffer.isView(values) && !(values instanceof BigInt64Array || values instanceof BigUint64Array);
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
