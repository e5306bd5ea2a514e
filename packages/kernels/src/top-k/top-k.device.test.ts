import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { argmax } from "../reduce/argmax.ts";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { shapes } from "../shared/test-utils/shapes.ts";
import { axisOfShape, topKCase, topKCases } from "./top-k.cases.ts";
import { topKPlaces } from "./top-k.reference.ts";
import { topK } from "./top-k.ts";

const random = fc.tuple(shapes, fc.nat(2), fc.nat(36)).map(([shape, at, k]) => {
  const axis = at % shape.length;
  return topKCase(shape, 1 + (k % (shape[axis] ?? 1)), axis);
});

describeOp("topK", topKCases, random, [
  {
    name: "more than there are",
    call: (d) => topK(d.zeros([2, 3]), 4),
    code: "SHAPE",
    message: /topK: 4 of the 3 elements.*f32\[2, 3\].*up to 3/s,
  },
  { name: "none", call: (d) => topK(d.zeros([3]), 0), code: "CONFIG", message: /topK: k must be a positive integer/ },
  { name: "a scalar", call: (d) => topK(d.zeros([]), 1), code: "CONFIG", message: /axis -1 is not an axis/ },
  {
    name: "integers",
    call: (d) => topK(d.zeros([3], { dtype: "i32" }), 1),
    code: "DTYPE",
    message: /topK: x must be f32 or f16/,
  },
  {
    name: "an argmax of nothing",
    call: (d) => argmax(d.zeros([0])),
    code: "SHAPE",
    message: /argmax: there are no elements/,
  },
  {
    name: "an argmax along no axis",
    call: (d) => argmax(d.zeros([2]), { axis: 1 }),
    code: "CONFIG",
    message: /argmax: axis 1 is not an axis of x/,
  },
]);

/** Ties, both zeros, both infinities and NaN; twice as many as lanes of a workgroup. */
const odd = Float32Array.from(
  { length: 512 },
  (_, i) => [1, 0, -0, Infinity, -Infinity, Number.NaN, -2, 3e38][(i * 37) % 61] ?? (i % 5) - 7,
);

test.each([
  [512, 1],
  [64, 8],
  [16, 32],
])("odd numbers keep their order: lines of %i, %i apart", async (n, inner) => {
  using device = await openTestDevice();
  const shape = [512 / n / inner, n, inner];
  using x = device.tensor(odd, shape);
  const axis = axisOfShape(shape, 1);
  const k = Math.min(n, 40);
  const { values, indices } = topK(x, k, { axis: 1 });
  const places = topKPlaces(Float64Array.from(odd), axis, k);
  expect([...(await indices.data())]).toEqual([...places]);
  const wanted = Array.from(places, (place, e) => odd[(Math.floor(e / inner / k) * n + place) * inner + (e % inner)]);
  expect((await values.data()).every((value, i) => value === wanted[i] || Number.isNaN(value + (wanted[i] ?? 0)))).toBe(
    true,
  );
  using first = argmax(x, { axis: 1 });
  expect([first.dtype, first.shape]).toEqual(["u32", [shape[0], inner]]);
  expect([...(await first.data())]).toEqual([...topKPlaces(Float64Array.from(odd), axis, 1)]);
  for (const tensor of [values, indices]) tensor.dispose();
});

test.each(["f32", "f16"] as const)("argmax of all elements of %s, in several passes", async (dtype) => {
  using device = await openTestDevice();
  const values = new Float32Array(20_000).fill(-1);
  values[17_003] = values[19_000] = 2;
  using x = device.tensor(values, [200, 100], { dtype });
  using at = argmax(x);
  expect([at.shape, await at.item()]).toEqual([[], 17_003]);
});
