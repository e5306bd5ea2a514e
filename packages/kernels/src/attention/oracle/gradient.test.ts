import { attentionCase } from "@dilated-internal/attention-kit/arbitrary";
import { type AttentionCase, caseInputs, resolveCase } from "@dilated-internal/attention-kit/cases";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EMPTY_LSE } from "../engine.ts";
import { attentionGradientReference, attentionReference } from "./dilated.ts";
import type { ReferenceInputs } from "./reference.ts";

const STEP = 1e-5;

/** <dout, out> + <dlse, lse>; dlse is the head of dout, which has at least as many elements. Empty rows have a constant LSE. */
function loss(inputs: ReferenceInputs, dout: ArrayLike<number>, test: AttentionCase): number {
  const { out, lse } = attentionReference(inputs, resolveCase(test));
  const seen = lse.map((x) => (x === EMPTY_LSE ? 0 : x));
  return dot(out, dout) + dot(seen, dout);
}

/** Directional derivative by central differences, along the direction that moves q, k and v at once. */
function numeric(
  inputs: ReferenceInputs,
  direction: ReferenceInputs,
  dout: ArrayLike<number>,
  test: AttentionCase,
): number {
  const at = (step: number): ReferenceInputs => ({
    ...inputs,
    q: Float64Array.from(inputs.q, (x, i) => x + step * (direction.q[i] as number)),
    k: Float64Array.from(inputs.k, (x, i) => x + step * (direction.k[i] as number)),
    v: Float64Array.from(inputs.v, (x, i) => x + step * (direction.v[i] as number)),
  });
  return (loss(at(STEP), dout, test) - loss(at(-STEP), dout, test)) / (2 * STEP);
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * (b[i] as number), 0);

describe("gradient of the oracle", () => {
  it("agrees with finite differences in every element of a tiny case", () => {
    const test: AttentionCase = {
      name: "tiny",
      B: 1,
      N: 7,
      H: 2,
      G: 1,
      D: 4,
      mask: "some",
      options: {
        branches: [
          { segment: 3, dilation: 1 },
          { segment: 7, dilation: 2 },
        ],
        remainder: "zeroPad",
        dropout: { p: 0.3, seed: 5 },
      },
    };
    const { dout, ...inputs } = caseInputs(test);
    const grads = attentionGradientReference(inputs, dout, resolveCase(test), dout);
    for (const name of ["q", "k", "v"] as const) {
      for (let i = 0; i < inputs[name].length; i++) {
        const zero = { q: new Float64Array(56), k: new Float64Array(28), v: new Float64Array(28) };
        zero[name][i] = 1;
        expect(grads[`d${name}`][i]).toBeCloseTo(numeric(inputs, zero, dout, test), 7);
      }
    }
  });

  it("agrees with finite differences along random directions for random configurations", () => {
    fc.assert(
      fc.property(attentionCase({ N: 14, H: 3, D: [4, 8] }), (drawn) => {
        // Of large operands, differences are no measure of the slope.
        const test = { ...drawn, size: 1, options: { ...drawn.options, gradient: "exact" as const } };
        const { dout, ...inputs } = caseInputs(test);
        const direction = caseInputs({ ...test, seed: 4242 });
        const grads = attentionGradientReference(inputs, dout, resolveCase(test), dout);
        const exact = dot(grads.dq, direction.q) + dot(grads.dk, direction.k) + dot(grads.dv, direction.v);
        const scale = 1 + Math.abs(exact);
        expect(Math.abs(numeric(inputs, direction, dout, test) - exact) / scale).toBeLessThan(1e-6);
      }),
      { numRuns: 100 },
    );
  });

  it("detached: is the sum of the branches' own gradients, each for dout times its merge weight", () => {
    fc.assert(
      fc.property(attentionCase({ N: 24, H: 3, D: [4, 8] }), (drawn) => {
        const { heads: _, ...options } = drawn.options;
        const test: AttentionCase = { ...drawn, options: { ...options, gradient: "detached" } };
        const { dout, ...inputs } = caseInputs(test);
        const whole = attentionReference(inputs, resolveCase(test));
        const grads = attentionGradientReference(inputs, dout, resolveCase(test));
        const merged = new Float64Array(whole.out.length);
        const sums = { dq: grads.dq.map(() => 0), dk: grads.dk.map(() => 0), dv: grads.dv.map(() => 0) };
        for (const branch of options.branches) {
          const alone = resolveCase({ ...test, options: { ...options, branches: [branch] } });
          const part = attentionReference(inputs, alone);
          // exp(LSE_i - LSE): 0 for a row that is not in the branch.
          const weight = (i: number): number => {
            const row = Math.floor(i / (test.Dv ?? test.D));
            const [b, t, h] = [Math.floor(row / (test.N * test.H)), Math.floor(row / test.H) % test.N, row % test.H];
            const at = (b * test.H + h) * test.N + t;
            const own = part.lse[at] as number;
            return own === EMPTY_LSE ? 0 : Math.exp(own - (whole.lse[at] as number));
          };
          part.out.forEach((x, i) => {
            merged[i] = (merged[i] as number) + weight(i) * x;
          });
          const own = attentionGradientReference(
            inputs,
            Float64Array.from(dout, (x, i) => x * weight(i)),
            alone,
          );
          for (const x of ["dq", "dk", "dv"] as const)
            for (let i = 0; i < sums[x].length; i++) sums[x][i] = (sums[x][i] as number) + (own[x][i] as number);
        }
        expect(largestError(merged, whole.out)).toBeLessThan(1e-12);
        for (const x of ["dq", "dk", "dv"] as const) expect(largestError(sums[x], grads[x]), x).toBeLessThan(1e-11);
      }),
      { numRuns: 60 },
    );
  });
});

function largestError(a: Float64Array, b: Float64Array): number {
  return a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - (b[i] as number))), 0);
}
