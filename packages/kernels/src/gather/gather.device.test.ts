import { valueAndGrad } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { mul } from "../elementwise/binary.ts";
import { sum } from "../reduce/reduce.ts";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { gatherCase, gatherCases, indicesBelow } from "./gather.cases.ts";
import { gather } from "./gather.ts";

const length = fc.integer({ min: 1, max: 20 });
const random = fc
  .tuple(length, fc.array(length, { maxLength: 2 }), fc.integer({ min: 1, max: 60 }), fc.nat(50), fc.boolean())
  .map(([V, row, count, step, listed]) =>
    gatherCase([V, ...row], indicesBelow(V, count, step), listed ? undefined : [count]),
  );

describeOp("gather", gatherCases, random, [
  { name: "a scalar", call: (d) => gather(d.zeros([]), [0]), code: "SHAPE", message: /gather: x must have rows/ },
  { name: "nothing to take from", call: (d) => gather(d.zeros([0, 4]), [0]), code: "SHAPE", message: /f32\[0, 4\]/ },
  {
    name: "an index behind the rows",
    call: (d) => gather(d.zeros([3, 4]), [0, 3]),
    code: "CONFIG",
    message: /gather: there is no row 3.*indices\[1\] of 2.*from 0 to 2/s,
  },
  { name: "a negative index", call: (d) => gather(d.zeros([3]), [-1]), code: "CONFIG", message: /no row -1/ },
  { name: "half an index", call: (d) => gather(d.zeros([3]), [0.5]), code: "CONFIG", message: /no row 0.5/ },
  { name: "a hole", call: (d) => gather(d.zeros([3]), new Array(2)), code: "CONFIG", message: /no row undefined/ },
  {
    name: "float indices",
    call: (d) => gather(d.zeros([3]), d.zeros([1])),
    code: "DTYPE",
    message: /gather: indices must be i32 or u32.*f32\[1\]/s,
  },
]);

test("indices on the device that are no rows give NaN, and no gradient; integers all ones", async () => {
  using device = await openTestDevice();
  using at = device.tensor([1, -1, 2, 0], [4], { dtype: "i32" });
  using x = device.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  using y = gather(x, at);
  const nan = [Number.NaN, Number.NaN, Number.NaN];
  expect([...(await y.data())]).toEqual([4, 5, 6, ...nan, ...nan, 1, 2, 3]);
  const { grads, value } = valueAndGrad([x], () => sum(gather(x, at)));
  expect([...(await (grads[0] ?? x).data())]).toEqual([1, 1, 1, 1, 1, 1]);
  for (const [dtype, missing] of [
    ["i32", -1],
    ["u32", 2 ** 32 - 1],
  ] as const) {
    using table = device.tensor([7, 2 ** 31 - 1, 9, 10], [2, 2], { dtype });
    using rows = gather(table, at);
    expect([...(await rows.data())]).toEqual([9, 10, missing, missing, missing, missing, 7, 2 ** 31 - 1]);
  }
  for (const tensor of [value, ...grads]) tensor.dispose();
});

test("no index gives no row, and a gradient of 0", async () => {
  using device = await openTestDevice();
  using x = device.full([2, 3], 1);
  const { grads, value } = valueAndGrad([x], () => sum(gather(x, [])));
  expect([...(await (grads[0] ?? x).data())]).toEqual([0, 0, 0, 0, 0, 0]);
  for (const tensor of [value, ...grads]) tensor.dispose();
});

test.each([8, 9])("the gradient of rows of %i has the same bits each time", async (E) => {
  using device = await openTestDevice();
  const N = 4096;
  using x = device.randomNormal([50, E], { seed: 1 });
  using dy = device.randomNormal([N, E], { seed: 2 });
  using at = device.tensor(indicesBelow(50, N, 31), [N], { dtype: "u32" });
  const run = async (): Promise<Uint8Array> => {
    const { grads, value } = valueAndGrad([x], () => sum(mul(gather(x, at), dy)));
    const bytes = await (grads[0] ?? x).bytes();
    for (const tensor of [value, ...grads]) tensor.dispose();
    return bytes;
  };
  expect(await run()).toEqual(await run());
});
