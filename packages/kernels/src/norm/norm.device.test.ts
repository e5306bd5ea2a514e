import { valueAndGrad } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sum } from "../reduce/reduce.ts";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { rowShapes } from "../shared/test-utils/shapes.ts";
import { normCase, normCases, normKinds } from "./norm.cases.ts";
import { layerNorm, rmsNorm } from "./norm.ts";

// Rows of one or two elements are left out: their normalised values are signs, whose gradient is all cancellation.
const random = fc
  .tuple(fc.constantFrom(...normKinds), rowShapes)
  .map(([kind, [rows, width]]) => normCase(kind, [rows, width + 3], 1e-2));

describeOp("norm", normCases, random, [
  {
    name: "a weight of another length",
    call: (d) => layerNorm(d.zeros([2, 4]), d.zeros([3])),
    code: "SHAPE",
    message: /layerNorm: weight must have shape \[4\]/,
  },
  {
    name: "a bias of two axes",
    call: (d) => layerNorm(d.zeros([2, 4]), undefined, d.zeros([1, 4])),
    code: "SHAPE",
    message: /layerNorm: bias must have shape \[4\]/,
  },
  {
    name: "eps of 0",
    call: (d) => rmsNorm(d.zeros([2, 4]), undefined, { eps: 0 }),
    code: "CONFIG",
    message: /rmsNorm: .*eps: 0; allowed: a finite number above 0/s,
  },
  {
    name: "an unknown option",
    call: (d) => rmsNorm(d.zeros([2, 4]), undefined, { epsilon: 1 } as never),
    code: "CONFIG",
    message: /unknown option epsilon/,
  },
  { name: "a scalar", call: (d) => layerNorm(d.zeros([])), code: "SHAPE", message: /needs a last axis/ },
]);

test("a mean far from 0 costs no accuracy", async () => {
  using device = await openTestDevice();
  const x = Float32Array.from({ length: 256 }, (_, i) => 4096 + (i % 4));
  using input = device.tensor(x, [2, 128]);
  using y = layerNorm(input);
  const wanted = x.map((value) => (value - 4097.5) / Math.sqrt(1.25 + 1e-5));
  expect(await y.data()).toBeAllClose(wanted, { atol: 1e-4 });
});

test("half-precision rows may have f32 weights, whose gradients are f32", async () => {
  using device = await openTestDevice();
  using x = device.tensor([1, -1, 2, -2, 3], [1, 5], { dtype: "f16" });
  using weight = device.full([5], 2);
  using y = layerNorm(x, weight);
  expect(y.dtype).toBe("f16");
  const { grads } = valueAndGrad([weight], () => sum(layerNorm(x, weight)));
  expect(grads[0]?.dtype).toBe("f32");
  const mean = 0.6;
  const rstd = 1 / Math.sqrt((0.4 ** 2 + 1.6 ** 2 + 1.4 ** 2 + 2.6 ** 2 + 2.4 ** 2) / 5 + 1e-5);
  expect(await grads[0]?.data()).toBeAllClose(
    [1, -1, 2, -2, 3].map((value) => (value - mean) * rstd),
    { atol: 2e-5 },
  );
});
