import type { Device } from "@dilated/core";
import { attentionCase } from "@dilated-internal/attention-kit/arbitrary";
import type { AttentionCase } from "@dilated-internal/attention-kit/cases";
import { compareCase, sizeOf } from "@dilated-internal/attention-kit/compare-case";
import { expectClose } from "@dilated-internal/attention-kit/expect-close";
import { referenceCase, runCase } from "@dilated-internal/attention-kit/run-case";
import { openTestDevice, share } from "@dilated-internal/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

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
  ])("D = %i: %i of them", async (D, count) => {
    const cases = attentionCase({ N: 72, H: 4, D: [D] });
    await fc.assert(
      fc.asyncProperty(cases, async (test) =>
        expectClose(await runCase(device, test), referenceCase(test), sizeOf(test)),
      ),
      { ...share(count, D), endOnFailure: true },
    );
  });
});

/** Rows of two or three keys may be exact in naive f16, which is no measure then. */
const manyKeys = ({ N, M = N }: AttentionCase): boolean => M >= 16;

describe("f16 storage", () => {
  it("is at most twice as far from the oracle as the naive computation in f16", async () => {
    await fc.assert(
      fc.asyncProperty(attentionCase({ N: 64, H: 4, D: [16] }).filter(manyKeys), async (test) => {
        for (const { tensor, error, limit } of await compareCase(device, test, "f16")) {
          expect(error, tensor).toBeLessThanOrEqual(limit);
        }
      }),
      // The same everywhere: of few keys, the naive computation can be right by luck.
      { numRuns: 60, seed: 16, endOnFailure: true },
    );
  });
});
