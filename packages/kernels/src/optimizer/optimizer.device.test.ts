import { type Device, DilatedError, f16ToF32, f32ToF16, type Tensor } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { normal } from "../shared/test-utils/op-case.ts";
import { adamWStep } from "./adamw.ts";
import { clipGradNorm, clipScale, gradNorm } from "./clip.ts";
import { type AdamWState, adamWReference, normReference, sgdReference } from "./optimizer.reference.ts";
import { sgdStep } from "./sgd.ts";

describe("optimiser steps", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openTestDevice();
  });
  afterAll(() => device.dispose());

  const free = (...tensors: Tensor[]) => {
    for (const tensor of tensors) tensor.dispose();
  };

  test.each([
    { size: 5, dtype: "f32" as const, weightDecay: 0.01, gradScale: undefined },
    { size: 9001, dtype: "f32" as const, weightDecay: 0, gradScale: 0.25 },
    { size: 4100, dtype: "f16" as const, weightDecay: 0.1, gradScale: 2 },
  ])("AdamW, three steps: $size elements, $dtype gradients", async ({ size, dtype, weightDecay, gradScale }) => {
    const start = normal(size, 1);
    let state: AdamWState = { param: Float64Array.from(start), m: new Float64Array(size), v: new Float64Array(size) };
    const [param, m, v] = [device.tensor(start), device.zeros([size]), device.zeros([size])];
    const copyTo = device.empty([size], { dtype: "f16" });
    const scale = gradScale === undefined ? undefined : device.tensor([gradScale], []);
    for (const step of [1, 2, 3]) {
      const values = normal(size, 10 + step, dtype);
      using grad = device.tensor(values, [size], { dtype });
      adamWStep(param, grad, m, v, { lr: 0.01, step, weightDecay, copyTo, ...(scale ? { gradScale: scale } : {}) });
      const options = { lr: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay, step, gradScale: gradScale ?? 1 };
      state = adamWReference(state, values, options);
    }
    const updated = await param.data();
    expect(updated).toBeAllClose(state.param, { atol: 1e-6, rtol: 1e-6 });
    expect(await m.data()).toBeAllClose(state.m, { atol: 1e-6 });
    expect(await v.data()).toBeAllClose(state.v, { atol: 1e-6, rtol: 1e-5 });
    expect([...(await copyTo.data())]).toEqual([...f16ToF32(f32ToF16(updated))]);
    free(param, m, v, copyTo, ...(scale ? [scale] : []));
  });

  test.each([
    { momentum: 0, nesterov: false, weightDecay: 0.1 },
    { momentum: 0.9, nesterov: false, weightDecay: 0 },
    { momentum: 0.8, nesterov: true, weightDecay: 0.01 },
  ])("SGD, three steps: momentum $momentum, nesterov $nesterov", async (options) => {
    const size = 515;
    const start = normal(size, 1);
    let state: ReturnType<typeof sgdReference> = { param: Float64Array.from(start), velocity: new Float64Array(size) };
    const [param, velocity] = [device.tensor(start), device.zeros([size])];
    for (const step of [1, 2, 3]) {
      const values = normal(size, 20 + step);
      using grad = device.tensor(values);
      sgdStep(param, grad, options.momentum > 0 ? velocity : undefined, { lr: 0.1, ...options });
      state = sgdReference(state.param, state.velocity, values, { lr: 0.1, ...options });
    }
    expect(await param.data()).toBeAllClose(state.param, { atol: 2e-6 });
    free(param, velocity);
  });

  test("the norm of many gradients of any size and dtype, the same bits each time", async () => {
    const sizes = [1, 3, 4096, 70_001, 257];
    const values = sizes.map((size, i) => normal(size, i, i % 2 ? "f16" : "f32"));
    const grads = values.map((one, i) => device.tensor(one, undefined, { dtype: i % 2 ? "f16" : "f32" }));
    const norms = await Promise.all(
      [gradNorm(grads), gradNorm(grads)].map(async (norm) => [await norm.item(), norm.dispose()][0]),
    );
    expect(norms[0]).toBe(norms[1]);
    expect(Number(norms[0]) / normReference(values)).toBeCloseTo(1, 5);
    free(...grads);
  });

  test("clipping scales to the wanted norm, leaves small gradients alone, and says 0 when there is no norm", async () => {
    for (const [norm, wanted] of [
      [4, 0.25],
      [0.5, 1],
      [0, 1],
      [Number.NaN, 0],
      [Number.POSITIVE_INFINITY, 0],
    ] as const) {
      using given = device.tensor([norm], []);
      using scale = clipScale(given, 1);
      expect(await scale.item()).toBe(wanted);
    }
    using a = device.tensor([3, 0, 0, 0, 0]);
    using b = device.tensor([0, 4], [2], { dtype: "f16" });
    const { norm, grads } = clipGradNorm({ a, rest: [b] }, 1);
    expect(await norm.item()).toBeCloseTo(5, 6);
    expect(await grads.a.data()).toBeAllClose([0.6, 0, 0, 0, 0], { atol: 1e-6 });
    expect(await (grads.rest[0] ?? a).data()).toBeAllClose([0, 0.8], { atol: 1e-3 });
    free(norm, grads.a, ...grads.rest);
  });

  test("gradients that overflowed change nothing", async () => {
    const [param, m, v] = [device.tensor([1, 2, 3, 4, 5]), device.zeros([5]), device.zeros([5])];
    using grad = device.tensor([1, Number.NaN, 1, Number.POSITIVE_INFINITY, 1]);
    using norm = gradNorm([grad]);
    using gradScale = clipScale(norm, 1);
    adamWStep(param, grad, m, v, { lr: 0.1, step: 1, gradScale });
    sgdStep(param, grad, v, { lr: 0.1, momentum: 0.9, gradScale });
    expect([...(await param.data()), ...(await m.data()), ...(await v.data())]).toEqual([
      1,
      2,
      3,
      4,
      5,
      ...Array(10).fill(0),
    ]);
    free(param, m, v);
  });

  test("parameters longer than a binding", async () => {
    using cut = await openTestDevice({ maxBindingBytes: 4096 });
    const start = normal(5000, 1);
    const [param, grad, m, v] = [cut.tensor(start), cut.tensor(start), cut.zeros([5000]), cut.zeros([5000])];
    adamWStep(param, grad, m, v, { lr: 0.01, step: 1 });
    const zeros = () => new Float64Array(5000);
    const options = { lr: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01, step: 1 };
    const wanted = adamWReference({ param: Float64Array.from(start), m: zeros(), v: zeros() }, start, options);
    expect(await param.data()).toBeAllClose(wanted.param, { atol: 1e-6 });
    expect((await gradNorm([grad]).item()) / normReference([start])).toBeCloseTo(1, 5);
  });

  test.each([
    [
      "f16 parameters",
      (x: Tensor) => adamWStep(device.zeros([4], { dtype: "f16" }), x, x, x, { lr: 1, step: 1 }),
      "DTYPE",
    ],
    ["a gradient of another shape", (x: Tensor) => adamWStep(x, device.zeros([5]), x, x, { lr: 1, step: 1 }), "SHAPE"],
    ["step 0", (x: Tensor) => adamWStep(x, x, x, x, { lr: 1, step: 0 }), "CONFIG"],
    ["momentum without a velocity", (x: Tensor) => sgdStep(x, x, undefined, { lr: 1, momentum: 0.9 }), "CONFIG"],
    ["no gradients", () => gradNorm([]), "CONFIG"],
    ["a norm of two elements", () => clipScale(device.zeros([2]), 1), "SHAPE"],
  ] as const)("refuses %s", (_name, call, code) => {
    let error: unknown;
    try {
      device.scope(() => void call(device.zeros([4])));
    } catch (thrown) {
      error = thrown;
    }
    expect(DilatedError.is(error) && error.code).toBe(code);
  });

  test("leaves no buffer behind", () => expect(device.stats().byLabel).toEqual({}));
});
