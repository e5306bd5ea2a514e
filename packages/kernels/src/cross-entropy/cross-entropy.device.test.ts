import { type Device, DilatedError, f16ToF32, f32ToF16, valueAndGrad } from "@dilated/core";
import { openTestDevice, share } from "@dilated-internal/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mul } from "../elementwise/binary.ts";
import { sum } from "../reduce/reduce.ts";
import { expectClose, type Float, normal } from "../shared/test-utils/op-case.ts";
import { type CrossEntropyCase, crossEntropyArbitrary, crossEntropyCases, targetsOf } from "./cross-entropy.cases.ts";
import { crossEntropyReference } from "./cross-entropy.reference.ts";
import { crossEntropy } from "./cross-entropy.ts";

describe("crossEntropy", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openTestDevice();
  });
  afterAll(() => device.dispose());

  async function check(one: CrossEntropyCase, dtype: Float, on: Device = device): Promise<void> {
    const { rows, V, options, spread = 1 } = one;
    const targets = targetsOf(one);
    const drawn = normal(targets.length * V, 1).map((z) => z * spread);
    const logits = dtype === "f16" ? f16ToF32(f32ToF16(drawn)) : drawn;
    const z = on.tensor(logits, [...rows, V], { dtype });
    const t = on.tensor(targets, rows, { dtype: "i32" });
    const none = options.reduction === "none";
    const upstream = normal(none ? targets.length : 1, 2);
    const d = on.tensor(upstream, none ? rows : []);
    const loss = crossEntropy(z, t, options);
    const { grads, value } = valueAndGrad([z], () => sum(mul(crossEntropy(z, t, options), d)));
    const wanted = crossEntropyReference(logits, V, targets, options);
    expect([loss.dtype, loss.shape]).toEqual(["f32", none ? rows : []]);
    expect(await loss.data()).toBeAllClose(none ? wanted.rows : [wanted.loss], { atol: 2e-5, rtol: 2e-6 });
    const gradient = wanted.grad(none ? upstream : upstream[0]);
    for (const grad of grads) expectClose(await grad.data(), gradient, dtype);
    for (const tensor of [z, t, d, loss, value, ...grads]) tensor.dispose();
  }

  describe.each(["f32", "f16"] as const)("%s", (dtype) => {
    test.each(crossEntropyCases)("$name", (one) => check(one, dtype));
    test("random shapes", () =>
      fc.assert(
        fc.asyncProperty(crossEntropyArbitrary, (one) => check(one, dtype)),
        share(32),
      ));
  });

  test("logits longer than a binding", async () => {
    using cut = await openTestDevice({ maxBindingBytes: 65_536 });
    await check(
      { name: "cut", rows: [500], V: 60, options: { ignoreIndex: -1, labelSmoothing: 0, reduction: "mean" } },
      "f32",
      cut,
    );
  });

  test("logits of any size: near each other, far apart, and beside what no float reaches", async () => {
    const rows = [1e5, 1e6, 1e30, -1e30, -3e37].flatMap((offset) => [
      [offset, offset, offset, offset, offset],
      [offset, 0, 1, -1, offset],
      [offset, -offset, 1, 2, 3],
    ]);
    const logits = Float32Array.from(rows.flat());
    for (const labelSmoothing of [0, 0.1]) {
      const options = { ignoreIndex: -1, labelSmoothing, reduction: "none" } as const;
      const targets = rows.map((_, i) => i % 5);
      const wanted = crossEntropyReference(logits, 5, targets, options);
      using z = device.tensor(logits, [rows.length, 5]);
      using t = device.tensor(targets, [rows.length], { dtype: "i32" });
      using losses = crossEntropy(z, t, options);
      const { grads, value } = valueAndGrad([z], () => sum(crossEntropy(z, t, options)));
      for (const [i, loss] of (await losses.data()).entries()) {
        const want = wanted.rows[i] as number;
        if (Math.abs(want) < 3e38)
          expect(Math.abs(loss - want), `row ${i}`).toBeLessThanOrEqual(2e-5 + 2e-6 * Math.abs(want));
      }
      expect(await (grads[0] ?? z).data()).toBeAllClose(wanted.grad(), { atol: 2e-5 });
      value.dispose();
      grads[0]?.dispose();
    }
  });

  test("targets outside the vocabulary poison the loss", async () => {
    using logits = device.zeros([2, 4]);
    using targets = device.tensor([1, 4], [2], { dtype: "i32" });
    using loss = crossEntropy(logits, targets);
    expect(await loss.item()).toBeNaN();
  });

  test.each([
    [
      "targets of another shape",
      (d: Device) => crossEntropy(d.zeros([2, 3, 8]), d.zeros([2], { dtype: "i32" })),
      "SHAPE",
      /targets: \[2\].*rows: \[2, 3\]/s,
    ],
    ["float targets", (d: Device) => crossEntropy(d.zeros([2, 8]), d.zeros([2])), "DTYPE", /i32 or u32/],
    [
      "a smoothing of 1",
      (d: Device) => crossEntropy(d.zeros([2, 8]), d.zeros([2], { dtype: "i32" }), { labelSmoothing: 1 }),
      "CONFIG",
      /labelSmoothing: 1; allowed: a number from 0 to below 1/,
    ],
    [
      "an unknown option",
      (d: Device) => crossEntropy(d.zeros([2, 8]), d.zeros([2], { dtype: "i32" }), { ignore: 1 } as never),
      "CONFIG",
      /unknown option ignore/,
    ],
  ] as const)("refuses %s", (_name, call, code, message) => {
    let error: unknown;
    try {
      device.scope(() => void call(device));
    } catch (thrown) {
      error = thrown;
    }
    expect(DilatedError.is(error) && error.code).toBe(code);
    expect(String(error)).toMatch(message);
  });

  test("leaves no buffer behind", () => expect(device.stats().byLabel).toEqual({}));
});
