import type { Device } from "@dilated/core";
import { type Planted, planted, wrongPlaces } from "@dilated-internal/attention-kit/non-finite";
import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dilatedAttention } from "./dilated-attention.ts";

const SLOW = 400_000;

/**
 * What a score is may not depend on whether a product is rounded before it is added, which is up to the machine: 3e38 ·
 * 4 is infinite then, and beside minus infinity that is NaN; fused, the score is minus infinity.
 */
const isClear = ({ plants }: Planted): boolean =>
  plants.length === 1 || plants.every(({ value }) => !Number.isFinite(value));

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

describe("scores beyond f32", () => {
  it("are infinite: beside others they weigh all or nothing, and a row of nothing else is NaN", {
    timeout: SLOW,
  }, async () => {
    const values = [3e38, -3e38, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    await fc.assert(
      // Not backward: beside a finite score of 1e38, f32 leaves nothing of the difference of two.
      fc.asyncProperty(planted({ N: 24, H: 2, D: [8] }, ["q", "k"], values).filter(isClear), async (one) => {
        expect(await wrongPlaces(device, one, "f32", ["out", "lse"])).toEqual([]);
      }),
      { numRuns: 60, seed: 12, endOnFailure: true },
    );
  });
});

describe("rows without a score that is finite", () => {
  // Two tokens: the first sees itself alone, and its key makes every score minus infinity or NaN.
  const branches = [{ segment: 2, dilation: 1 }];
  it.each([
    ["a key of minus infinity", "k", Number.NEGATIVE_INFINITY],
    ["a query of NaN", "q", Number.NaN],
    ["a query of infinity", "q", Number.POSITIVE_INFINITY],
  ] as const)("%s: lse is NaN, not that of a row without keys", { timeout: SLOW }, async (_, tensor, value) => {
    const rows = (first: number): number[] => [first, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    using q = device.tensor(rows(tensor === "q" ? value : 1), [1, 2, 1, 8]);
    using k = device.tensor(rows(tensor === "k" ? value : 1), [1, 2, 1, 8]);
    using v = device.tensor(new Float32Array(16).fill(1), [1, 2, 1, 8]);
    const { out, lse } = dilatedAttention(q, k, v, { branches, causal: true });
    const [values, sums] = [await out.data(), await lse.data()];
    expect([sums[0], values[0]]).toEqual([Number.NaN, Number.NaN]);
    // For the second token, a key of minus infinity weighs nothing beside its own.
    expect([sums[1], values[8]].map(Number.isFinite)).toEqual([true, true]);
    out.dispose();
    lse.dispose();
  });
});

describe("NaN and infinity in random places", () => {
  it("reach the rows and keys that see them, and no others", { timeout: SLOW }, async () => {
    await fc.assert(
      fc.asyncProperty(planted({ N: 72, H: 4, D: [8] }), async (one) => {
        expect(await wrongPlaces(device, one)).toEqual([]);
      }),
      { numRuns: 150, seed: 11, endOnFailure: true },
    );
  });
});
