import { type Device, sizeOf } from "@dilated/core";
import { type AttentionCase, attentionCases, caseInputs, ladderCase } from "@dilated-internal/attention-kit/cases";
import { expectClose } from "@dilated-internal/attention-kit/expect-close";
import { referenceCase, runCase } from "@dilated-internal/attention-kit/run-case";
import { openTestDevice, shareOf } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, it } from "vitest";

/** A software adapter compiles a kernel for half a minute when it sees it first. */
let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

describe("forward and gradients against the oracle", () => {
  it.each(shareOf(attentionCases, true).map((test) => [test.name, test] as const))("%s", async (_, test) => {
    expectClose(await runCase(device, test), referenceCase(test));
  });

  it("through lse too", async () => {
    for (const gradient of ["exact", "detached"] as const) {
      const test: AttentionCase = { ...ladderCase, options: { ...ladderCase.options, causal: true, gradient } };
      const dlse = Float32Array.from({ length: sizeOf([1, 4, 44]) }, (_, i) => Math.sin(i));
      expectClose(await runCase(device, test, { dlse }), referenceCase(test, caseInputs(test), dlse));
    }
  });
});
