import { expect } from "vitest";

/** How far apart two numbers may be: `|actual - expected| <= atol + rtol * |expected|`. */
export interface Tolerance {
  /** @defaultValue 2e-5 */
  readonly atol?: number;
  /** @defaultValue 0 */
  readonly rtol?: number;
}

declare module "vitest" {
  // biome-ignore lint/suspicious/noExplicitAny: the parameter's default has to repeat vitest's own
  interface Matchers<T = any> {
    /** Compares two sequences of numbers element by element. */
    toBeAllClose(expected: ArrayLike<number>, tolerance?: Tolerance): T;
  }
}

interface Result {
  readonly pass: boolean;
  readonly message: () => string;
}

/** The matcher behind `expect(actual).toBeAllClose(expected, { atol, rtol })`. A NaN is close to nothing. */
export function toBeAllClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { atol = 2e-5, rtol = 0 }: Tolerance = {},
): Result {
  if (actual.length !== expected.length)
    return { pass: false, message: () => `expected ${expected.length} values, got ${actual.length}` };

  const wrong: number[] = [];
  let worst = 0;
  let worstAt = -1;
  let count = 0;
  for (let i = 0; i < expected.length; i++) {
    const want = Number(expected[i]);
    const error = Math.abs(Number(actual[i]) - want);
    if (worstAt < 0 || error > worst || (Number.isNaN(error) && !Number.isNaN(worst))) {
      worst = error;
      worstAt = i;
    }
    if (error <= atol + rtol * Math.abs(want)) continue;
    count++;
    if (wrong.length < 5) wrong.push(i);
  }

  const message = (): string =>
    [
      `${count} of ${expected.length} values differ by more than atol ${atol} + rtol ${rtol}`,
      ...wrong.map((i) => `  [${i}] expected ${expected[i]}, got ${actual[i]}`),
      `largest error ${worst} at index ${worstAt}`,
    ].join("\n");
  return { pass: count === 0, message };
}

expect.extend({ toBeAllClose });
