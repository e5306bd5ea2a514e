import { valueAndGrad } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sum } from "../reduce/reduce.ts";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { shapes } from "../shared/test-utils/shapes.ts";
import { add, mul } from "./binary.ts";
import { binaryCase, elementwiseCases, operations } from "./elementwise.cases.ts";
import { scale } from "./scale.ts";

const random = fc
  .tuple(fc.constantFrom(...operations), shapes, fc.nat(2))
  .map(([operation, shape, drop]) => binaryCase(operation, shape, shape.slice(Math.min(drop, shape.length - 1))));

describeOp("elementwise", elementwiseCases, random, [
  {
    name: "shapes that do not fit",
    call: (d) => add(d.zeros([2, 3]), d.zeros([2])),
    code: "SHAPE",
    message: /add: b must have.*a: f32\[2, 3\].*b: f32\[2\]/s,
  },
  { name: "a longer b", call: (d) => add(d.zeros([3]), d.zeros([2, 3])), code: "SHAPE", message: /swap the arguments/ },
  {
    name: "mixed dtypes",
    call: (d) => mul(d.zeros([3]), d.zeros([3], { dtype: "f16" })),
    code: "DTYPE",
    message: /one dtype.*f32\[3\].*f16\[3\]/s,
  },
  {
    name: "an infinite factor",
    call: (d) => scale(d.zeros([3]), Number.POSITIVE_INFINITY),
    code: "CONFIG",
    message: /s must be a finite number/,
  },
  {
    name: "what is no tensor",
    call: () => add([1] as never, [1] as never),
    code: "CONFIG",
    message: /add: a must be a Tensor/,
  },
]);

test("one tensor on both sides: its gradients add up", async () => {
  using device = await openTestDevice();
  using x = device.tensor([1, -2, 3]);
  const { grads } = valueAndGrad([x], () => sum(mul(x, add(x, x))));
  expect(await grads[0]?.data()).toBeAllClose([4, -8, 12]);
});

test("empty tensors give empty results", async () => {
  using device = await openTestDevice();
  using x = device.zeros([0, 3]);
  using b = device.zeros([3]);
  using y = add(x, b);
  expect(y.shape).toEqual([0, 3]);
  const { grads } = valueAndGrad([b], () => sum(add(x, b)));
  expect(await grads[0]?.data()).toEqual(new Float32Array(3));
});
