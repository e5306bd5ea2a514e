import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { shapes } from "../shared/test-utils/shapes.ts";
import { whereCase, whereCases } from "./where.cases.ts";
import { where } from "./where.ts";

const drop = fc.nat(3);
const random = fc
  .tuple(shapes, drop, drop, drop)
  .map(([shape, c, a, b]) => whereCase(shape.slice(c), shape.slice(a), shape.slice(b)));

describeOp("where", whereCases, random, [
  {
    name: "a condition of floats",
    call: (d) => where(d.zeros([2]), d.zeros([2]), d.zeros([2])),
    code: "DTYPE",
    message: /where: condition must be u32 or i32.*f32\[2\]/s,
  },
  {
    name: "mixed dtypes",
    call: (d) => where(d.zeros([2], { dtype: "u32" }), d.zeros([2]), d.zeros([2], { dtype: "f16" })),
    code: "DTYPE",
    message: /one dtype.*f32\[2\].*f16\[2\]/s,
  },
  {
    name: "shapes that do not fit",
    call: (d) => where(d.zeros([2], { dtype: "u32" }), d.zeros([2, 3]), d.zeros([3])),
    code: "SHAPE",
    message: /where: each shape must be.*condition: u32\[2\].*a: f32\[2, 3\]/s,
  },
]);

test("integers are chosen, too, and what is not chosen leaves no trace", async () => {
  using device = await openTestDevice();
  using flags = device.tensor([0, -1, 5, 0, 1], [5], { dtype: "i32" });
  using a = device.tensor([2 ** 32 - 1, 1, 2, 3, 4], [5], { dtype: "u32" });
  using b = device.tensor([9], [], { dtype: "u32" });
  using y = where(flags, a, b);
  expect([...(await y.data())]).toEqual([9, 1, 2, 9, 4]);
  using x = device.tensor([Number.NaN, 1, 2, Infinity, 4]);
  using one = device.full([], 1);
  using z = where(flags, x, one);
  expect([...(await z.data())]).toEqual([1, 1, 2, 1, 4]);
});
