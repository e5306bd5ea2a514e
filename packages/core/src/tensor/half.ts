import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import * as float16 from "./float16.ts";

/** Not `every`, which steps over holes. */
const isNumbers = (value: unknown): boolean => {
  if (!field.numbers().test(value) || value instanceof BigInt64Array || value instanceof BigUint64Array) return false;
  if (!Array.isArray(value)) return true;
  for (let i = 0; i < value.length; i++) if (typeof value[i] !== "number") return false;
  return true;
};
const VALUES = { values: field.custom("an array or a typed array of numbers", isNumbers) };
const WORDS = { words: field.instance("a Uint16Array", Uint16Array) };

/** Binary16 of each value, rounded to nearest even; overflow gives infinity, NaN stays NaN. */
export function f32ToF16(values: ArrayLike<number>): Uint16Array {
  checkCall("f32ToF16", VALUES, arguments);
  return float16.f32ToF16(values);
}

/** The numbers that binary16 words stand for; exact. */
export function f16ToF32(words: Uint16Array): Float32Array {
  checkCall("f16ToF32", WORDS, arguments);
  return float16.f16ToF32(words);
}
