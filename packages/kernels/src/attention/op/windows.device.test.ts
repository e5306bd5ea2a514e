import type { AttentionCase } from "@dilated-internal/attention-kit/cases";
import { resolveCase } from "@dilated-internal/attention-kit/cases";
import { expectClose } from "@dilated-internal/attention-kit/expect-close";
import { referenceCase, runCase } from "@dilated-internal/attention-kit/run-case";
import { openTestDevice } from "@dilated-internal/testing";
import { describe, expect, inject, it } from "vitest";
import { planWindows } from "../webgpu/windows.ts";
import { callOf } from "./call.ts";

/** A software adapter compiles a kernel for half a minute when it sees it first. */
const base: AttentionCase = {
  name: "long",
  B: 2,
  N: 500,
  H: 2,
  D: 16,
  options: {
    branches: [
      { segment: 40, dilation: 1 },
      { segment: 80, dilation: 2 },
    ],
  },
};

// On WebAssembly a binding is as long as the memory.
describe.skipIf(inject("backend") === "wasm")("tensors longer than one binding", () => {
  it("are worked on in windows of whole segments, with the same result", async () => {
    // A token of q is 128 bytes: 256 tokens a binding, against 1,000 in all.
    using device = await openTestDevice({ maxBindingBytes: 32_768 });
    const variants: AttentionCase["options"][] = [
      base.options,
      { ...base.options, causal: true, cuSeqlens: [0, 70, 333, 500] },
      {
        branches: [
          { segment: 40, dilation: 3 },
          { segment: 20, dilation: 2 },
        ],
        gradient: "detached",
      },
    ];
    for (const options of variants) {
      const test = { ...base, options };
      expectClose(await runCase(device, test), referenceCase(test));
    }
  });

  it("are refused where a segment does not fit, with the length that would", async () => {
    using device = await openTestDevice({ maxBindingBytes: 32_768 });
    const test: AttentionCase = { ...base, options: { branches: [{ segment: 500, dilation: 2 }] } };
    await expect(runCase(device, test)).rejects.toThrow(/longer than one binding.*fits: segments/s);
  });

  it("windows cover every token once and begin at aligned rows", () => {
    const { B, N, M, H, schedule } = callOf(resolveCase(base));
    const sizes = { B, N, M, H, queryBytes: 128, keyBytes: 128, maxBindingBytes: 32_768 };
    const windows = planWindows("test", schedule, sizes);
    let at = 0;
    for (const { batchBegin, batchCount, queryBegin, queryEnd, keyBegin, keyEnd, queries } of windows) {
      expect(batchCount).toBe(1);
      expect(batchBegin * 500 + queryBegin).toBe(at);
      expect([keyBegin, keyEnd]).toEqual([queryBegin, queryEnd]);
      expect(queries.base % 64).toBe(0);
      expect(queries.end - queries.base).toBeLessThanOrEqual(256);
      at = batchBegin * 500 + queryEnd;
    }
    expect(at).toBe(1000);
  });
});
