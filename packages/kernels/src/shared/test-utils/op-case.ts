import { type Device, f16ToF32, f32ToF16, philox4x32, type Shape, type Tensor, valueAndGrad } from "@dilated/core";
import { expect } from "vitest";
import "@dilated-internal/testing";
import { mul } from "../../elementwise/binary.ts";
import { sum } from "../../reduce/reduce.ts";

export type Values = Float64Array;

/** One configuration of an op: the inputs' shapes (undefined: left out), the op, and what it should give, in f64. */
export interface OpCase {
  readonly name: string;
  readonly inputs: readonly (Shape | undefined)[];
  /**
   * An element of an input, made from a normal number, for ops that are not steady everywhere. @defaultValue the
   * number
   */
  readonly domain?: (x: number, input: number) => number;
  readonly run: (inputs: readonly (Tensor | undefined)[]) => Tensor;
  readonly forward: (inputs: readonly (Values | undefined)[]) => Values;
  /** Gradients of the inputs, given the gradient of the output. */
  readonly backward: (inputs: readonly (Values | undefined)[], dy: Values) => readonly (Values | undefined)[];
}

export type Float = "f32" | "f16";

/** Standard normal numbers, rounded to `dtype` so that every backend and the reference start from the same ones. */
export function normal(
  size: number,
  stream: number,
  dtype: Float = "f32",
  domain: (x: number, input: number) => number = (x) => x,
): Float32Array {
  const values = Float32Array.from({ length: size }, (_, i) => {
    const [a, b] = philox4x32([i, 0, stream, 0], [1, 0]) as unknown as [number, number];
    const boxMuller = Math.sqrt(-2 * Math.log((a + 1) / 2 ** 32)) * Math.cos((2 * Math.PI * b) / 2 ** 32);
    return domain(boxMuller, stream);
  });
  return dtype === "f16" ? f16ToF32(f32ToF16(values)) : values;
}

/** Runs a case forward and backward on the device, and compares with the reference. */
export async function checkOp(device: Device, test: OpCase, dtype: Float): Promise<void> {
  const values = test.inputs.map((shape, i) => shape && normal(size(shape), i, dtype, test.domain));
  const tensors = values.map(
    (input, i) => input && device.tensor(input, test.inputs[i], { dtype, label: `input ${i}` }),
  );
  const y = test.run(tensors);
  const dyValues = normal(y.size, 99, dtype);
  const dy = device.tensor(dyValues, y.shape, { dtype });
  const given = tensors.filter((tensor) => tensor !== undefined);
  const { value, grads } = valueAndGrad(given, () => sum(mul(test.run(tensors), dy)));

  const exact = values.map((input) => input && Float64Array.from(input));
  expectClose(await y.data(), test.forward(exact), dtype);
  const wanted = test.backward(exact, Float64Array.from(dyValues)).filter((_, i) => tensors[i] !== undefined);
  expect(y.dtype).toBe(dtype);
  for (const [i, grad] of grads.entries()) {
    expect([grad.dtype, grad.shape]).toEqual([dtype, given[i]?.shape]);
    expectClose(await grad.data(), wanted[i] as Values, dtype);
  }
  for (const tensor of [...given, ...grads, y, dy, value]) tensor.dispose();
}

/** f32: 2e-5, absolute at unit variance and relative above it. f16: one rounding of the result and one of what was saved. */
export function expectClose(actual: ArrayLike<number>, wanted: Values, dtype: Float): void {
  const most = wanted.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const tolerance = dtype === "f32" ? { atol: 2e-5, rtol: 2e-5 } : { atol: most * 2 ** -10, rtol: 2 ** -10 };
  expect(actual).toBeAllClose(wanted, tolerance);
}

function size(shape: Shape): number {
  return shape.reduce((product, axis) => product * axis, 1);
}
