import type { Captured, CapturedValues } from "../expression/capture.ts";
import { result } from "./bounds.ts";

/** Elements of the finest groups, as a power of two: the smallest block has as many. */
const FINEST = 5;
const GROUP = 1 << FINEST;

/** Least and greatest of every aligned group of 32, 64, 128, ... elements of each row (the last axis). */
export interface Extremes {
  readonly size: number;
  readonly values: CapturedValues;
  /** Sizes of groups one behind another, row by row. */
  readonly low: CapturedValues;
  readonly high: CapturedValues;
  /** By size of the groups: where the first row begins, and the groups of a row. */
  readonly begins: readonly number[];
  readonly counts: readonly number[];
  /** Of all elements. */
  readonly least: number;
  readonly most: number;
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
  const [counts, begins]: [number[], number[]] = [[], []];
  let total = 0;
  for (let count = Math.ceil(size / GROUP); ; count = Math.ceil(count / 2)) {
    counts.push(count);
    begins.push(total);
    total += rows * count;
    if (count === 1) break;
  }
  // Of the type of the values: what reads one reads the others as fast.
  const empty = (): CapturedValues => new (values.constructor as Float32ArrayConstructor)(total);
  const [low, high] = [empty(), empty()];
  reduce(values, values, 0, size, GROUP, rows, low, high, 0);
  for (let level = 1; level < counts.length; level++)
    reduce(
      low,
      high,
      begins[level - 1] as number,
      counts[level - 1] as number,
      2,
      rows,
      low,
      high,
      begins[level] as number,
    );
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let row = total - rows; row < total; row++) {
    least = Math.min(least, low[row] as number);
    most = Math.max(most, high[row] as number);
  }
  return { size, values, low, high, begins, counts, least, most };
}

/** Groups of `step` out of each row of `of` from `begin` on; they go to `to` and behind. */
function reduce(
  low: CapturedValues,
  high: CapturedValues,
  begin: number,
  of: number,
  step: number,
  rows: number,
  lows: CapturedValues,
  highs: CapturedValues,
  to: number,
): void {
  let next = to;
  for (let row = 0; row < rows; row++) {
    const rowEnd = begin + (row + 1) * of;
    for (let first = begin + row * of; first < rowEnd; first += step) {
      const end = Math.min(rowEnd, first + step);
      let least = low[first] as number;
      let most = high[first] as number;
      for (let at = first + 1; at < end; at++) {
        if ((low[at] as number) < least) least = low[at] as number;
        if ((high[at] as number) > most) most = high[at] as number;
      }
      lows[next] = least;
      highs[next++] = most;
    }
  }
}

/** Leaves the bounds of elements `from` to `to` of a row in `result`; they may be wider, but hold them. */
export function boundsWithin(extremes: Extremes, row: number, from: number, to: number): void {
  const { values, size } = extremes;
  const count = to - from + 1;
  if (count < GROUP) return scan(values, values, row * size + from, row * size + to);
  const power = 31 - Math.clz32(count);
  // One group where it is one exactly, else a few smaller ones, which reach less far beyond the ends.
  const whole = ((count | from) & (count - 1)) === 0;
  const level = Math.min(extremes.counts.length - 1, Math.max(0, power - FINEST - (whole ? 0 : 2)));
  const begin = (extremes.begins[level] as number) + row * (extremes.counts[level] as number);
  scan(extremes.low, extremes.high, begin + (from >> (FINEST + level)), begin + (to >> (FINEST + level)));
}

function scan(low: CapturedValues, high: CapturedValues, first: number, last: number): void {
  let least = low[first] as number;
  let most = high[first] as number;
  for (let at = first + 1; at <= last; at++) {
    if ((low[at] as number) < least) least = low[at] as number;
    if ((high[at] as number) > most) most = high[at] as number;
  }
  result[0] = least;
  result[1] = most;
}
