import type { Device } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attentionCase } from "./attention.arbitrary.ts";
import { caseInputs, resolveCase } from "./attention.cases.ts";
import { naiveHalfAttention, toHalf } from "./attention.half.ts";
import { expectClose, referenceCase, runCase } from "./test-utils/run-case.ts";

const SLOW = 400_000;
/** Arithmetic is f32: where the naive computation is exact by chance, this much is allowed. */
const F32_TOLERANCE = 2e-5;

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

describe("random configurations against the oracle", () => {
  // Few head dims, because each is a pipeline; small shapes, because software adapters are slow.
  it.each([
    [8, 200],
    [16, 200],
    [12, 100],
  ])("D = %i: %i of them", { timeout: SLOW }, async (D, numRuns) => {
    const cases = attentionCase({ N: 72, H: 4, D: [D] });
    await fc.assert(
      fc.asyncProperty(cases, async (test) => expectClose(await runCase(device, test), referenceCase(test))),
      { numRuns, seed: D, endOnFailure: true },
    );
  });
});

describe("f16 storage", () => {
  it("is at most twice as far from the oracle as the naive computation in f16", { timeout: SLOW }, async () => {
    await fc.assert(
      fc.asyncProperty(attentionCase({ N: 64, H: 4, D: [16] }), async (test) => {
        const { keyMask, ...arrays } = caseInputs(test);
        const rounded = Object.fromEntries(
          Object.entries(arrays).map(([name, values]) => [name, values.map(toHalf)]),
        ) as typeof arrays;
        const inputs = { ...rounded, keyMask };
        const want = referenceCase(test, inputs);
        const { forward, gradients } = naiveHalfAttention(inputs, resolveCase(test), inputs.dout);
        const naive = { ...forward, ...gradients };
        const got = await runCase(device, test, { dtype: "f16", inputs });
        for (const name of ["out", "dq", "dk", "dv"] as const) {
          expect(Number.isFinite(rms(naive[name] ?? [], want[name]))).toBe(true);
          expect(rms(got[name], want[name]), name).toBeLessThanOrEqual(
            Math.max(2 * rms(naive[name] ?? [], want[name]), F32_TOLERANCE),
          );
        }
      }),
      { numRuns: 60, seed: 16, endOnFailure: true },
    );
  });
});

function rms(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < expected.length; i++) sum += ((actual[i] as number) - (expected[i] as number)) ** 2;
  return Math.sqrt(sum / expected.length);
}
