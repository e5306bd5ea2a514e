import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";

const words = (count: number) =>
  field.custom(
    `a list of ${count} words`,
    (list) =>
      (Array.isArray(list) || list instanceof Uint32Array) && list.length === count && list.every(Number.isInteger),
  );
const ARGUMENTS = { counter: words(4), key: words(2) };

/** Four 32-bit words: a counter of {@link philox4x32}. */
export type PhiloxCounter = readonly [number, number, number, number];
/** Two 32-bit words: a key of {@link philox4x32}. */
export type PhiloxKey = readonly [number, number];

// Multipliers and Weyl increments of Random123 (Salmon et al., SC 2011, table 2): the same numbers are in the WGSL and AssemblyScript copies.
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/**
 * Philox4x32-10: a random function of a counter and a key. No state, so any element of a random tensor can be computed anywhere
 * (thread, tile, backend, rank) and comes out the same.
 *
 * @param counter - Four u32 words; every counter gives four independent words.
 * @param key - Two u32 words, the seed.
 * @returns Four uniform u32 words.
 * @see Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011)
 *
 * @example
 * ```ts
 * import { philox4x32 } from "@dilated/core";
 * philox4x32([0, 0, 0, 0], [0, 0]); // 6627e8d5 e169c58d bc57ac4c 9b00dbd8
 * ```
 */
export function philox4x32(counter: PhiloxCounter, key: PhiloxKey): Uint32Array {
  checkCall("philox4x32", ARGUMENTS, arguments);
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(M0, c0);
    const low0 = Math.imul(M0, c0);
    const high1 = multiplyHigh(M1, c2);
    const low1 = Math.imul(M1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  return Uint32Array.of(c0, c1, c2, c3);
}

/** Upper 32 bits of the 64-bit product, by 16-bit halves: a double holds 53 bits only. Either argument may be signed or unsigned. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16); // < 2^32: exact
  const cross = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (cross >>> 16)) | 0;
}
