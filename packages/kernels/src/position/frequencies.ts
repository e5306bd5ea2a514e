import type { Device, Tensor } from "@dilated/core";
import { cached, uploadTable } from "../shared/device-cache.ts";

/** Words of one entry of the frequency table: turns a token in 64-bit fixed point (high, low), log2 of xPos's scale a token, unused. */
export const FREQUENCY_WORDS = 4;

/** The table on a device, made once for all layers and steps: pairs · 4 words of u32. */
export function frequenciesOn(device: Device, pairs: number, base: number, scaleBase?: number): Tensor {
  const make = () => {
    const table = uploadTable(device, frequencyTable(pairs, base, scaleBase), "frequencies");
    return { table, tables: [table] };
  };
  return cached(device, `frequencies ${pairs} ${base} ${scaleBase}`, make).table;
}

/**
 * The table that position kernels turn by: one entry a pair of channels.
 *
 * Angles are kept in turns, as 64-bit fractions: position times frequency, modulo one turn, is then an integer product that drops its
 * upper bits. So the angle at position 1,000,000 is as exact as at 0, where `f32(position) * frequency` would be off by 0.06 rad.
 *
 * @param pairs - D / 2
 * @param base - frequencies are base^(-j / pairs) rad a token
 * @param scaleBase - tokens over which xPos's scales decay; left out where positions only rotate
 */
export function frequencyTable(pairs: number, base: number, scaleBase?: number): Uint32Array {
  const words = new Uint32Array(pairs * FREQUENCY_WORDS);
  const scales = new Float32Array(words.buffer);
  const logScale = scaleBase === undefined ? () => 0 : xposLogScale(pairs, scaleBase);
  for (let j = 0; j < pairs; j++) {
    const turns = (base ** (-j / pairs) / (2 * Math.PI)) * 2 ** 32;
    const high = Math.floor(turns);
    words[j * FREQUENCY_WORDS] = high;
    words[j * FREQUENCY_WORDS + 1] = Math.floor((turns - high) * 2 ** 32);
    scales[j * FREQUENCY_WORDS + 2] = logScale(j);
  }
  return words;
}

/** xPos: log2 of what pair j of `pairs` gains a token, log2((2j + 0.4 D) / (1.4 D)) / scaleBase; at most 0. */
export function xposLogScale(pairs: number, scaleBase: number): (pair: number) => number {
  const D = 2 * pairs;
  return (j) => Math.log2((2 * j + 0.4 * D) / (1.4 * D)) / scaleBase;
}
