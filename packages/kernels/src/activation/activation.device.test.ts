import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { shapes } from "../shared/test-utils/shapes.ts";
import { activationCases, curveCase, curveNames } from "./activation.cases.ts";
import { gelu, relu, sigmoid, silu, tanh } from "./activation.ts";
import { erf, referenceCurve } from "./curves.reference.ts";

const random = fc.tuple(fc.constantFrom(...curveNames), shapes).map(([curve, shape]) => curveCase(curve, shape));

describeOp("activation", activationCases, random, [
  {
    name: "an unknown option",
    call: (d) => gelu(d.zeros([4]), { aproximate: "tanh" } as never),
    code: "CONFIG",
    message: /gelu: unknown option aproximate.*known: approximate/s,
  },
  {
    name: "an unknown approximation",
    call: (d) => gelu(d.zeros([4]), { approximate: "erf" as never }),
    code: "CONFIG",
    message: /allowed: "none", "tanh"/,
  },
  {
    name: "integers",
    call: (d) => relu(d.zeros([4], { dtype: "i32" })),
    code: "DTYPE",
    message: /relu: x must be f32 or f16.*i32\[4\]/s,
  },
]);

test("erf inside gelu is right to 1e-6, and the curves to 2e-7 of their scale, from -12 to 12", async () => {
  using device = await openTestDevice();
  const x = Float32Array.from({ length: 24_001 }, (_, i) => (i - 12_000) / 1000);
  using input = device.tensor(x);
  using y = gelu(input);
  const values = await y.data();
  const inside = x.map((one, i) => (one === 0 ? 0.5 : (values[i] ?? 0) / one));
  const exact = x.map((one) => (1 + erf(one / Math.SQRT2)) / 2);
  expect(inside).toBeAllClose(exact, { atol: 5e-7 }); // (1 + erf)/2: half of erf's error
  for (const [curve, run] of Object.entries({ sigmoid, tanh, silu })) {
    using z = run(input);
    const { f } = referenceCurve(curve as "silu");
    expect(await z.data()).toBeAllClose(Float64Array.from(x, f), { atol: 6e-7, rtol: 1e-6 });
  }
});

test("huge arguments saturate and stay finite", async () => {
  using device = await openTestDevice();
  using x = device.tensor([-1e4, -100, 100, 1e4]);
  for (const [run, wanted] of [
    [sigmoid, [0, 0, 1, 1]],
    [tanh, [-1, -1, 1, 1]],
    [silu, [0, 0, 100, 1e4]],
    [gelu, [0, 0, 100, 1e4]],
  ] as const) {
    using y = run(x);
    expect(await y.data()).toBeAllClose(wanted, { atol: 1e-6 });
  }
});
