import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { concat } from "./concat.ts";
import { permute, transpose } from "./permute.ts";
import { concatCase, permuteCase, shapeCases, sliceCase } from "./shape.cases.ts";
import { slice } from "./slice.ts";

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
const random = fc.oneof(
  fc.tuple(sizes, fc.nat(3), fc.nat(8), fc.nat(8)).map(([shape, at, a, b]) => {
    const axis = at % shape.length;
    const cuts = [a, b].map((cut) => cut % ((shape[axis] ?? 0) + 1)).sort();
    return sliceCase(shape, axis, cuts[0] === cuts[1] ? 0 : (cuts[0] ?? 0), Math.max(1, cuts[1] ?? 0));
  }),
  sizes.chain((shape) => {
    const axes = shape.map((_, axis) => axis);
    return fc.shuffledSubarray(axes, { minLength: axes.length }).map((order) => permuteCase(shape, order));
  }),
  fc
    .tuple(sizes, fc.nat(3), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }))
    .map(([shape, at, lengths]) => {
      const axis = at % shape.length;
      const shapes = lengths.map((n) => shape.map((size, i) => (i === axis ? n : size)));
      return concatCase(shapes, axis);
    }),
);

describeOp("slice, concat, permute", shapeCases, random, [
  {
    name: "a slice that ends behind the axis",
    call: (d) => slice(d.zeros([2, 3]), { axis: 1, begin: 1, end: 4 }),
    code: "SHAPE",
    message: /slice: \[1, 4\) is not a part of axis 1, which has 3.*end <= 3/s,
  },
  {
    name: "a slice that begins behind its end",
    call: (d) => slice(d.zeros([4]), { begin: 3, end: 2 }),
    code: "SHAPE",
    message: /\[3, 2\)/,
  },
  {
    name: "a negative index",
    call: (d) => slice(d.zeros([4]), { begin: -1 }),
    code: "CONFIG",
    message: /begin: -1; allowed: an integer from 0/,
  },
  {
    name: "a slice of a scalar",
    call: (d) => slice(d.zeros([])),
    code: "CONFIG",
    message: /slice: axis 0 is not an axis/,
  },
  {
    name: "nothing to put together",
    call: () => concat([]),
    code: "CONFIG",
    message: /concat: tensors must be a list of at least 1/,
  },
  {
    name: "other dtypes",
    call: (d) => concat([d.zeros([3]), d.zeros([3], { dtype: "f16" })]),
    code: "DTYPE",
    message: /concat: .*one dtype.*tensors\[1\]: f16\[3\]/s,
  },
  {
    name: "other shapes",
    call: (d) => concat([d.zeros([3, 2]), d.zeros([3, 3])]),
    code: "SHAPE",
    message: /concat: .*but for axis 0.*f32\[3, 3\]/s,
  },
  {
    name: "an axis twice",
    call: (d) => permute(d.zeros([2, 3]), [0, 0]),
    code: "CONFIG",
    message: /each axis of x once.*\[0, 0\]/s,
  },
  {
    name: "a row without columns",
    call: (d) => transpose(d.zeros([3])),
    code: "SHAPE",
    message: /transpose: x needs two axes/,
  },
  {
    name: "seven axes in reverse",
    call: (d) => permute(d.zeros([2, 2, 2, 2, 2, 2, 2]), [6, 5, 4, 3, 2, 1, 0]),
    code: "LIMIT",
    message: /permute: 7 axes.*at most 6/s,
  },
]);

test("integers are moved bit by bit; negative axes count from the end; nothing gives nothing", async () => {
  using device = await openTestDevice();
  const values = [0, -1, 2 ** 31 - 1, -(2 ** 31), 5, 0x7fc00001];
  using x = device.tensor(values, [2, 3], { dtype: "i32" });
  using columns = transpose(x);
  expect([...(await columns.data())]).toEqual([0, 3, 1, 4, 2, 5].map((at) => values[at]));
  using rows = concat([x, x], { axis: -1 });
  using second = slice(rows, { axis: -1, begin: 3 });
  expect([...(await second.data())]).toEqual(values);
  using none = slice(x, { begin: 2 });
  expect(none.shape).toEqual([0, 3]);
  using same = concat([none, x]);
  expect([...(await same.data())]).toEqual(values);
});
