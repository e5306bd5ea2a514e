import type { Captured } from "./capture.ts";

/** Where captured tensors lie in one buffer of words: plain WebGPU binds few buffers. */
export interface CaptureLayout {
  /** Word at which each begins. */
  readonly offsets: readonly number[];
  /** Words in all. */
  readonly length: number;
  /**
   * What texts and bytecode read in place of literals, so that lengths and data are no part of them: for each captured
   * tensor its offset, then the elements from one index to the next of each axis but the last.
   */
  readonly parameters: Int32Array;
  /** Number of the first parameter of each captured tensor. */
  readonly parameterAt: readonly number[];
}

/** Elements from one index to the next of each axis but the last. */
export const stridesOf = (shape: readonly number[]): number[] =>
  shape.slice(1).map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));

/** Lays captured tensors out one behind another, from word `begin` on. */
export function layoutOf(captures: readonly Captured[], begin = 0): CaptureLayout {
  const offsets: number[] = [];
  const parameterAt: number[] = [];
  const parameters: number[] = [];
  let length = begin;
  for (const { shape } of captures) {
    offsets.push(length);
    parameterAt.push(parameters.length);
    parameters.push(length, ...stridesOf(shape));
    length += shape.reduce((product, size) => product * size, 1);
  }
  return { offsets, length, parameters: Int32Array.from(parameters), parameterAt };
}

/** Writes the words of those that are on the host. */
export function writeCaptures(captures: readonly Captured[], { offsets }: CaptureLayout, words: Uint32Array): void {
  for (const [i, { values }] of captures.entries())
    if (values) words.set(new Uint32Array(values.buffer, values.byteOffset, values.length), offsets[i]);
}
