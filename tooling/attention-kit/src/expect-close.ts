import "@dilated-internal/testing";
import type { Device } from "@dilated/core";
import { expect } from "vitest";
import type { AttentionCase } from "./cases.ts";
import { type CompareOptions, compareCase } from "./compare-case.ts";
import type { Results } from "./run-case.ts";

/** Expects f32 results to be within 2e-5 of the oracle's; an empty lse to be the same number in f32. */
export function expectClose(actual: Results, expected: Results): void {
  for (const name of Object.keys(expected) as (keyof Results)[]) {
    expect(actual[name], name).toBeAllClose(Float32Array.from(expected[name]), { atol: 2e-5 });
  }
}

/** Runs a case and expects what `compareCase` allows. */
export async function expectRight(
  device: Device,
  test: AttentionCase,
  dtype: "f32" | "f16",
  options?: CompareOptions,
): Promise<void> {
  for (const { tensor, error, limit } of await compareCase(device, test, dtype, options)) {
    expect(error, `${tensor} of ${test.name}`).toBeLessThanOrEqual(limit);
  }
}
