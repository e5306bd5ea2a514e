import { type Device, DilatedError, valueAndGrad } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scale } from "../elementwise/scale.ts";
import { type MatmulReference, matmulGradReference, matmulReference } from "../matmul/matmul.reference.ts";
import { expectClose, type Float, normal } from "../shared/test-utils/op-case.ts";
import { crossEntropyReference } from "./cross-entropy.reference.ts";
import { linearCrossEntropy } from "./linear-cross-entropy.ts";

describe("linearCrossEntropy", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openTestDevice();
  });
  afterAll(() => device.dispose());

  test.each([
    { rows: [2, 7], V: 20, E: 12, dtype: "f32", options: {} },
    { rows: [33], V: 27, E: 10, dtype: "f32", options: { labelSmoothing: 0.1, reduction: "sum" } },
    { rows: [13], V: 40, E: 8, dtype: "f16", options: { ignoreIndex: 4 } },
    // A binding holds 273 rows of logits: three chunks.
    { rows: [600], V: 60, E: 8, dtype: "f32", options: {}, maxBindingBytes: 65_536 },
  ] as const)("[$rows] rows, V = $V, $dtype", async ({ rows, V, E, dtype, options, ...limits }) => {
    using cut = await openTestDevice(limits);
    const T = (rows as readonly number[]).reduce((product, axis) => product * axis, 1);
    const [x, w] = [normal(T * E, 1, dtype as Float), normal(V * E, 2, dtype as Float)];
    const targets = Array.from({ length: T }, (_, t) => (t * 5 + 4) % V);
    const [a, b] = [cut.tensor(x, [...rows, E], { dtype }), cut.tensor(w, [V, E], { dtype })];
    const ids = cut.tensor(targets, rows, { dtype: "i32" });
    const { value, grads } = valueAndGrad([a, b], () => scale(linearCrossEntropy(a, b, ids, options), -2));
    using plain = linearCrossEntropy(a, b, ids, options);

    const problem: MatmulReference = {
      batch: 1,
      m: T,
      n: V,
      k: E,
      transposeA: false,
      transposeB: true,
      sharedB: false,
      alpha: 1,
    };
    const resolved = { ignoreIndex: -1, labelSmoothing: 0, reduction: "mean" as const, ...options };
    const loss = crossEntropyReference(matmulReference(problem, x, w), V, targets, resolved);
    const [dx, dw] = matmulGradReference(problem, x, w, loss.grad(-2));
    expect(await plain.item()).toBeCloseTo(loss.loss, 3);
    expect((await value.item()) / (-2 * loss.loss)).toBeCloseTo(1, 5);
    expectClose(await (grads[0] ?? a).data(), dx, dtype as Float);
    expectClose(await (grads[1] ?? a).data(), dw, dtype as Float);
    for (const tensor of [a, b, ids, value, ...grads]) tensor.dispose();
    expect(cut.stats().byLabel).toEqual({ loss: 16 });
  });

  test("refuses reduction none, and a weight of another width", () => {
    const call = (E: number, options: object) => () =>
      device.scope(
        () =>
          void linearCrossEntropy(
            device.zeros([2, 4]),
            device.zeros([8, E]),
            device.zeros([2], { dtype: "i32" }),
            options,
          ),
      );
    expect(call(4, { reduction: "none" })).toThrow(DilatedError);
    expect(call(4, { reduction: "none" })).toThrow(/reduction "none" is not available.*Fix/s);
    expect(call(5, {})).toThrow(/weight must be \[V, E\].*x: f32\[2, 4\]/s);
  });
});
