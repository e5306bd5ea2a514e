import { type Device, ShapeError, valueAndGrad } from "@dilated/core";
import { mul, sum } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { take } from "../test-utils/arrays.ts";
import { padTokens, prependToken, sliceTokens } from "./tokens.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

const count = (n: number, from = 0) => Float32Array.from({ length: n }, (_, i) => from + i);

it("cuts, pads and prepends", async () => {
  using x = device.tensor(count(12, 1), [2, 3, 2]);
  using token = device.tensor([-1, -2], [1, 1, 2]);
  expect(await take(sliceTokens(x, 1, 3))).toEqual(Float32Array.of(3, 4, 5, 6, 9, 10, 11, 12));
  expect(await take(padTokens(x, 1, 1))).toEqual(
    Float32Array.of(0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0),
  );
  expect(await take(prependToken(x, token))).toEqual(
    Float32Array.of(-1, -2, 1, 2, 3, 4, 5, 6, -1, -2, 7, 8, 9, 10, 11, 12),
  );
});

it("their gradients put every weight where its element came from", async () => {
  using x = device.tensor(count(12), [2, 3, 2]);
  using token = device.tensor([0, 0], [1, 1, 2]);
  using weights = device.tensor(count(16), [2, 4, 2]);
  using part = device.tensor(count(4, 1), [2, 1, 2]);
  const first = valueAndGrad({ x, token }, () => sum(mul(prependToken(x, token), weights)));
  expect(await take(first.grads.token)).toEqual(Float32Array.of(0 + 8, 1 + 9));
  expect(await take(first.grads.x)).toEqual(Float32Array.of(2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15));
  const second = valueAndGrad([x], () => sum(mul(sliceTokens(x, 1, 2), part)));
  expect(await take(second.grads[0] as never)).toEqual(Float32Array.of(0, 0, 1, 2, 0, 0, 0, 0, 3, 4, 0, 0));
  const third = valueAndGrad([x], () => sum(mul(padTokens(x, 1, 0), weights)));
  expect(await take(third.grads[0] as never)).toEqual(Float32Array.of(2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15));
  for (const { value } of [first, second, third]) value.dispose();
});

it("refuses ranges and tokens that do not fit", () => {
  using x = device.zeros([1, 3, 4]);
  using token = device.zeros([3]);
  expect(() => sliceTokens(x, 2, 4)).toThrow(ShapeError);
  expect(() => sliceTokens(x, 2, 2)).toThrow(/start 2, end 2/);
  expect(() => prependToken(x, token)).toThrow(ShapeError);
});
