import { openTestDevice } from "@dilated-internal/testing";
import { expect, test } from "vitest";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { rowShapes } from "../shared/test-utils/shapes.ts";
import { softmaxCase, softmaxCases } from "./softmax.cases.ts";
import { softmax } from "./softmax.ts";

describeOp("softmax", softmaxCases, rowShapes.map(softmaxCase), [
  { name: "a scalar", call: (d) => softmax(d.zeros([])), code: "SHAPE", message: /softmax: x needs a last axis/ },
  {
    name: "integers",
    call: (d) => softmax(d.zeros([2], { dtype: "u32" })),
    code: "DTYPE",
    message: /softmax: x must be f32 or f16/,
  },
]);

test("large scores neither overflow nor lose their differences", async () => {
  using device = await openTestDevice();
  using x = device.tensor([1e4, 1e4 - 1, -1e4, 3e38, 0, -3e38, 7, 7, 7], [3, 3]);
  using y = softmax(x);
  const p = 1 / (1 + Math.exp(-1));
  expect(await y.data()).toBeAllClose([p, 1 - p, 0, 1, 0, 0, 1 / 3, 1 / 3, 1 / 3], { atol: 1e-6 });
});
