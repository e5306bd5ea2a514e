import { openTestDevice } from "@dilated-internal/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { shapes } from "../shared/test-utils/shapes.ts";
import { dropoutCase, dropoutCases } from "./dropout.cases.ts";
import { dropout } from "./dropout.ts";

const random = fc
  .tuple(shapes, fc.double({ min: 0.01, max: 0.9, noNaN: true }), fc.maxSafeNat(), fc.nat(2 ** 31 - 1))
  .map(([shape, p, seed, stream]) => dropoutCase(shape, { p, seed, stream }));

describeOp("dropout", dropoutCases, random, [
  {
    name: "p of 1",
    call: (d) => dropout(d.zeros([4]), { p: 1, seed: 0 }),
    code: "CONFIG",
    message: /dropout: .*p: 1; allowed: a number from 0 to below 1/s,
  },
  {
    name: "no seed",
    call: (d) => dropout(d.zeros([4]), { p: 0.5 } as never),
    code: "CONFIG",
    message: /seed: missing; allowed: an integer/,
  },
  {
    name: "an unknown option",
    call: (d) => dropout(d.zeros([4]), { p: 0.5, seed: 0, rate: 1 } as never),
    code: "CONFIG",
    message: /unknown option rate/,
  },
]);

test("drops the share it was asked to, other elements for other streams, and keeps the mean", async () => {
  using device = await openTestDevice();
  using x = device.full([100_000], 1);
  using a = dropout(x, { p: 0.3, seed: 11 });
  using b = dropout(x, { p: 0.3, seed: 11, stream: 1 });
  const [first, second] = [Float64Array.from(await a.data()), Float64Array.from(await b.data())];
  const share = (values: ArrayLike<number>) => Array.from(values).filter((value) => value === 0).length / values.length;
  expect(share(first)).toBeCloseTo(0.3, 2);
  // Independent masks agree on 0.3² + 0.7² of the elements.
  expect(share(first.map((value, i) => value - (second[i] ?? 0)))).toBeCloseTo(0.58, 2);
  expect(first.reduce((total, value) => total + value, 0) / first.length).toBeCloseTo(1, 2);
});
