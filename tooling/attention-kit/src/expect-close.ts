import "@dilated-internal/testing";
import { expect } from "vitest";
import type { Results } from "./run-case.ts";

/** Expects f32 results to be within 2e-5 of the oracle's; an empty lse to be the same number in f32.
 *
 * @param size - How many times larger scores are than of unit variance, and with them what is rounded.
 */
export function expectClose(actual: Results, expected: Results, size = 1): void {
  for (const name of Object.keys(expected) as (keyof Results)[]) {
    expect(actual[name], name).toBeAllClose(Float32Array.from(expected[name]), { atol: 2e-5 * size });
  }
}
