import { f16ToF32, f32ToF16 } from "@dilated/core";
import { sampleCases } from "@dilated-internal/attention-kit/arbitrary";
import { caseInputs, resolveCase } from "@dilated-internal/attention-kit/cases";
import { referenceCase } from "@dilated-internal/attention-kit/run-case";
import { describe, expect, it } from "vitest";
import { attentionErrorBounds, attentionGradientReference, attentionReference, naiveHalfAttention } from "./dilated.ts";

const cases = sampleCases({ N: 24, H: 2, D: [8] }, 24, 3);

/** How many times as far off as it may be the worst element is. */
function excess(actual: ArrayLike<number>, expected: ArrayLike<number>, bounds: ArrayLike<number>): number {
  return Array.from(expected).reduce((worst, want, i) => {
    const error = Math.abs((actual[i] as number) - want);
    return error === 0 ? worst : Math.max(worst, error / (bounds[i] as number));
  }, 0);
}

describe("what rounding can do at most", () => {
  it("is less than 5e-5 for operands of unit variance", () => {
    for (const one of cases) {
      const test = { ...one, size: 1, options: { ...one.options, scale: undefined, dropout: undefined } };
      const inputs = caseInputs(test);
      const { out, lse } = attentionErrorBounds(inputs, inputs.dout, resolveCase(test));
      expect(Math.max(...out, ...lse), test.name).toBeLessThan(5e-5);
    }
  });

  it("holds for operands that differ by their rounding to f32, and not for q with half of the digits", () => {
    let beyond = 0;
    for (const test of cases) {
      const inputs = caseInputs({ ...test, size: 16 });
      const resolved = resolveCase(test);
      const bounds = attentionErrorBounds(inputs, inputs.dout, resolved);
      const want = referenceCase(test, inputs);
      const run = (q: Float32Array) => ({
        ...attentionReference({ ...inputs, q }, resolved),
        ...attentionGradientReference({ ...inputs, q }, inputs.dout, resolved),
      });
      const [near, far] = [
        run(inputs.q.map((x, i) => x * (1 + (i % 2 ? 1 : -1) * 2 ** -23))),
        run(f16ToF32(f32ToF16(inputs.q))),
      ];
      for (const tensor of ["out", "lse", "dq", "dk", "dv"] as const) {
        expect(excess(near[tensor], want[tensor], bounds[tensor]), `${tensor}: ${test.name}`).toBeLessThanOrEqual(1);
        if (excess(far[tensor], want[tensor], bounds[tensor]) > 1) beyond++;
      }
    }
    expect(beyond).toBeGreaterThan(cases.length);
  });

  it("in f16 is more than in f32, and less than what f16 scores do", () => {
    let beyond = 0;
    for (const test of cases) {
      const inputs = caseInputs({ ...test, size: 16 });
      const resolved = resolveCase(test);
      const [half, full] = [true, false].map((wide) =>
        attentionErrorBounds(inputs, inputs.dout, resolved, { half: wide }),
      );
      expect(half?.out.every((bound, i) => bound >= (full?.out[i] as number))).toBe(true);
      const { forward } = naiveHalfAttention(inputs, resolved);
      if (excess(forward.lse, attentionReference(inputs, resolved).lse, half?.lse ?? []) > 1) beyond++;
    }
    expect(beyond).toBeGreaterThan(cases.length / 2);
  });
});
