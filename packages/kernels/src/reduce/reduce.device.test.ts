import { valueAndGrad } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { shapes } from "../shared/test-utils/shapes.ts";
import { max } from "./max.ts";
import { reduceCase, reduceCases, reductions } from "./reduce.cases.ts";
import { mean, sum } from "./reduce.ts";

const random = fc
  .tuple(fc.constantFrom(...reductions), shapes, fc.integer({ min: -1, max: 2 }))
  .map(([name, shape, axis]) => reduceCase(name, shape, axis < 0 || axis >= shape.length ? undefined : axis));

describeOp("reduce", reduceCases, random, [
  {
    name: "an axis that is not there",
    call: (d) => sum(d.zeros([2, 3]), { axis: 2 }),
    code: "CONFIG",
    message: /sum: axis 2.*f32\[2, 3\].*from -2 to 1/s,
  },
  {
    name: "half an axis",
    call: (d) => mean(d.zeros([2, 3]), { axis: 0.5 }),
    code: "CONFIG",
    message: /mean: axis 0.5/,
  },
  {
    name: "an unknown option",
    call: (d) => max(d.zeros([2]), { dim: 0 } as never),
    code: "CONFIG",
    message: /max: unknown option dim/,
  },
  {
    name: "the mean of nothing",
    call: (d) => mean(d.zeros([0])),
    code: "SHAPE",
    message: /mean: there are no elements/,
  },
  {
    name: "the maximum of nothing",
    call: (d) => max(d.zeros([2, 0]), { axis: 1 }),
    code: "SHAPE",
    message: /max: there are no elements/,
  },
]);

test("axes count from the end, and are removed", async () => {
  using device = await openTestDevice();
  using x = device.tensor([1, 2, 3, 4, 5, 6], [1, 2, 3]);
  using rows = sum(x, { axis: -1 });
  expect([rows.shape, await rows.data()]).toEqual([[1, 2], Float32Array.of(6, 15)]);
  using empty = sum(x, { axis: 0 });
  expect(empty.shape).toEqual([2, 3]);
});

test("a sum of nothing is 0", async () => {
  using device = await openTestDevice();
  using x = device.zeros([2, 0, 3]);
  using y = sum(x, { axis: 1 });
  expect([y.shape, await y.data()]).toEqual([[2, 3], new Float32Array(6)]);
});

test("long sums stay accurate: 0.1 a million times", async () => {
  using device = await openTestDevice();
  using x = device.full([1_000_000], 0.1);
  using total = sum(x);
  expect(Math.abs((await total.item()) / (Math.fround(0.1) * 1e6) - 1)).toBeLessThan(2e-6);
  using average = mean(x);
  expect(await average.item()).toBeCloseTo(0.1, 6);
});

test("the gradient of a tie goes to the first maximum, also across passes", async () => {
  using device = await openTestDevice();
  const values = new Float32Array(1000).fill(-1);
  for (const at of [417, 423, 999]) values[at] = 2;
  using x = device.tensor(values);
  const { grads } = valueAndGrad([x], () => max(x));
  const wanted = new Float32Array(1000);
  wanted[417] = 1;
  expect(await grads[0]?.data()).toEqual(wanted);
});
