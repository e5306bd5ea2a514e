import type { Captured } from "../expression/capture.ts";
import { result } from "./bounds.ts";

/** Elements of the finest groups, as a power of two: the smallest block has as many. */
const FINEST = 5;

/** Least and greatest of every aligned group of 32, 64, 128, ... elements of each row (the last axis). */
interface Extremes {
  readonly size: number;
  readonly values: ArrayLike<number>;
  /** By size of the groups: least and greatest, and the groups of a row. */
  readonly levels: readonly { readonly low: Float64Array; readonly high: Float64Array; readonly count: number }[];
  /** Of all elements. */
  readonly low: number;
  readonly high: number;
}

const known = new WeakMap<Captured, Extremes>();

/** Made once for each captured tensor, in time linear in its elements. */
export function extremesOf(capture: Captured): Extremes {
  const extremes = known.get(capture) ?? made(capture);
  known.set(capture, extremes);
  return extremes;
}

function made({ shape, values = new Float32Array(0) }: Captured): Extremes {
  const size = shape.at(-1) ?? 1;
  const rows = values.length / size;
  const levels: { low: Float64Array; high: Float64Array; count: number }[] = [];
  let [of, low, high]: [number, ArrayLike<number>, ArrayLike<number>] = [size, values, values];
  for (let step = 2 ** FINEST; of > 1 || levels.length === 0; step = 2) {
    const count = Math.ceil(of / step);
    const [least, most] = [new Float64Array(rows * count), new Float64Array(rows * count)];
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < count; i++) {
        const end = row * of + Math.min(of, (i + 1) * step);
        let [least0, most0] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
        for (let at = row * of + i * step; at < end; at++) {
          if ((low[at] as number) < least0) least0 = low[at] as number;
          if ((high[at] as number) > most0) most0 = high[at] as number;
        }
        least[row * count + i] = least0;
        most[row * count + i] = most0;
      }
    }
    levels.push({ low: least, high: most, count });
    [of, low, high] = [count, least, most];
  }
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < low.length; i++) {
    least = Math.min(least, low[i] as number);
    most = Math.max(most, high[i] as number);
  }
  return { size, values, levels, low: least, high: most };
}

/** Leaves the bounds of elements `from` to `to` of a row in `result`; they may be wider, but hold them. */
export function boundsWithin({ size, values, levels }: Extremes, row: number, from: number, to: number): void {
  const count = to - from + 1;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  if (count < 2 ** FINEST) {
    for (let at = row * size + from; at <= row * size + to; at++) {
      const value = values[at] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  } else {
    const power = 31 - Math.clz32(count);
    // One group where it is one exactly, else a few smaller ones, which reach less far beyond the ends.
    const whole = count === 2 ** power && from % count === 0;
    const level = Math.min(levels.length - 1, Math.max(0, power - FINEST - (whole ? 0 : 2)));
    const groups = levels[level] as Extremes["levels"][number];
    const shift = FINEST + level;
    for (let at = from >> shift; at <= to >> shift; at++) {
      low = Math.min(low, groups.low[row * groups.count + at] as number);
      high = Math.max(high, groups.high[row * groups.count + at] as number);
    }
  }
  result[0] = low;
  result[1] = high;
}
