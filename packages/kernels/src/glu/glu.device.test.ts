import { valueAndGrad } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sum } from "../reduce/reduce.ts";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { shapes } from "../shared/test-utils/shapes.ts";
import { gates, gluCase, gluCases } from "./glu.cases.ts";
import { glu } from "./glu.ts";

const random = fc.tuple(fc.constantFrom(...gates), shapes).map(([gate, shape]) => gluCase(gate, shape));

describeOp("glu", gluCases, random, [
  {
    name: "two shapes",
    call: (d) => glu(d.zeros([4]), d.zeros([5]), { activation: "silu" }),
    code: "SHAPE",
    message: /glu: .*value: f32\[4\].*gate: f32\[5\]/s,
  },
  {
    name: "an unknown gate",
    call: (d) => glu(d.zeros([4]), d.zeros([4]), { activation: "swish" as never }),
    code: "CONFIG",
    message: /"sigmoid", "silu", "gelu", "relu"/,
  },
  {
    name: "no options",
    call: (d) => glu(d.zeros([4]), d.zeros([4]), undefined as never),
    code: "CONFIG",
    message: /options must be an object/,
  },
]);

test("computes only the gradient that is asked for", async () => {
  using device = await openTestDevice();
  using value = device.tensor([1, 2]);
  using gate = device.tensor([0.5, -0.5]);
  const { grads } = valueAndGrad([gate], () => sum(glu(value, gate, { activation: "relu" })));
  expect(await grads[0]?.data()).toBeAllClose([1, 0]);
});
