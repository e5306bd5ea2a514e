import { type Device, valueAndGrad } from "@dilated/core";
import { openTestDevice, share } from "@dilated-internal/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { curveCase, curveNames } from "../activation/activation.cases.ts";
import { dropoutCase } from "../dropout/dropout.cases.ts";
import type { Operation } from "../elementwise/binary.reference.ts";
import { binaryCase, operations } from "../elementwise/elementwise.cases.ts";
import { gates, gluCase } from "../glu/glu.cases.ts";
import { normCase } from "../norm/norm.cases.ts";
import { reduceCase, reductions } from "../reduce/reduce.cases.ts";
import { sum } from "../reduce/reduce.ts";
import { softmaxCase } from "../softmax/softmax.cases.ts";
import { normal, type OpCase, type Values } from "./test-utils/op-case.ts";

/** Numbers at which functions end, and such as f32 does not hold to the last bit. 1e-40 is denormal, and may count as 0. */
const ODD = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-40, -1e-40, 3e18, -3e18, 88, -88, 200, -200];

function binaryCases(operation: Operation): readonly OpCase[] {
  return [binaryCase(operation, [29], [29]), binaryCase(operation, [5, 7], [7])];
}

const ELEMENTWISE: readonly OpCase[] = [
  ...curveNames.map((curve) => curveCase(curve, [29])),
  ...operations.filter((operation) => operation !== "div").flatMap(binaryCases),
  ...gates.map((gate) => gluCase(gate, [29])),
  dropoutCase([29], { p: 0.5, seed: 3 }),
];
const QUOTIENTS: readonly OpCase[] = binaryCases("div");
const ROWS: readonly OpCase[] = [
  ...reductions.flatMap((name) => [reduceCase(name, [29]), reduceCase(name, [4, 7], 0), reduceCase(name, [4, 7], 1)]),
  softmaxCase([4, 7]),
  softmaxCase([3, 8]),
];
// The squares of 3e18 are beyond f32.
const NORMS: readonly OpCase[] = [
  normCase({ norm: "layer", weight: true, bias: true }, [4, 7]),
  normCase({ norm: "rms", weight: true, bias: false }, [3, 8]),
];

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device?.dispose());

describe.each([
  ["elementwise", ELEMENTWISE, ODD, 12],
  ["over rows", ROWS, ODD, 6],
  // 0 / 1e-40 is 0, or NaN where the device takes both for 0.
  ["quotients", QUOTIENTS, ODD.filter((x) => Math.abs(x) !== 1e-40), 12],
  ["norms", NORMS, ODD.filter((x) => Math.abs(x) !== 3e18), 6],
] as const)("NaN, infinity and other odd numbers: %s", (_, cases, odd, most) => {
  test.each(cases)("$name", async (one) => {
    const sizes = one.inputs.map((shape) => shape?.reduce((product, axis) => product * axis, 1) ?? 0);
    const plant = fc.record({
      input: fc.nat({ max: sizes.length - 1 }),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      value: fc.constantFrom(...odd),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(plant, { minLength: 1, maxLength: most }), async (plants) => {
        const values = sizes.map((size, i) => normal(size, i));
        for (const { input, at, value } of plants)
          values[input]?.fill(value, Math.floor(at * (sizes[input] ?? 0)), Math.floor(at * (sizes[input] ?? 0)) + 1);
        await compare(one, values);
      }),
      share(16, 21),
    );
  });
});

async function compare(one: OpCase, values: readonly Float32Array[]): Promise<void> {
  const given = one.inputs.map((shape, i) => shape && device.tensor(values[i] as Float32Array, shape));
  const tensors = given.filter((tensor) => tensor !== undefined);
  const exact = values.map((value, i) => (one.inputs[i] ? Float64Array.from(value) : undefined));
  const { value, grads } = valueAndGrad(tensors, () => sum(one.run(given)));
  const y = one.run(given);
  expectAlike(await y.data(), one.forward(exact), "forward");
  const wanted = one.backward(exact, new Float64Array(y.size).fill(1)).filter((_, i) => given[i] !== undefined);
  for (const [i, grad] of grads.entries()) expectAlike(await grad.data(), wanted[i] as Values, `gradient ${i}`);
  for (const tensor of [...tensors, ...grads, value, y]) tensor.dispose();
}

/** NaN for NaN, and infinity or NaN for infinity: where f64 still has a number of 1e300, f32 may have come to infinity less infinity. */
function expectAlike(got: ArrayLike<number>, wanted: Values, what: string): void {
  const off = Array.from(wanted, (value, i) => {
    const actual = got[i] as number;
    if (Number.isNaN(value)) return Number.isNaN(actual) ? "" : `[${i}] ${actual}, not NaN`;
    if (Math.abs(value) > 3.4e38) return Number.isFinite(actual) ? `[${i}] ${actual}, not ${value}` : "";
    return Math.abs(actual - value) <= 3e-5 + 3e-5 * Math.abs(value) ? "" : `[${i}] ${actual}, not ${value}`;
  }).filter(Boolean);
  expect(off, what).toEqual([]);
}
