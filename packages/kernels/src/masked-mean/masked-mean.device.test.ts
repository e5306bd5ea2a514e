import { type Device, ShapeError, valueAndGrad } from "@dilated/core";
import { openTestDevice, share } from "@dilated-internal/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mul } from "../elementwise/binary.ts";
import { sum } from "../reduce/reduce.ts";
import { normal } from "../shared/test-utils/op-case.ts";
import { maskedMean } from "./masked-mean.ts";

describe("maskedMean", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openTestDevice();
  });
  afterAll(() => device.dispose());

  const arbitrary = fc.record({
    counts: fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 3 }),
    padding: fc.integer({ min: 0, max: 5 }),
    E: fc.integer({ min: 1, max: 9 }),
    dtype: fc.constantFrom("f32" as const, "f16" as const),
    onDevice: fc.boolean(),
  });

  test("is the mean of the tokens that count, whatever stands in the others", () =>
    fc.assert(
      fc.asyncProperty(arbitrary, async ({ counts, padding, E, dtype, onDevice }) => {
        const [B, N] = [counts.length, Math.max(...counts) + padding];
        // 5 counts as much as 1
        const keyMask = counts.flatMap((count) =>
          Array.from({ length: N }, (_, n) => (n < count ? 1 + 4 * (n % 2) : 0)),
        );
        const values = normal(B * N * E, 1).map((value, i) => (keyMask[Math.floor(i / E)] ? value : Number.NaN));
        const upstream = normal(B * E, 2);
        const x = device.tensor(values, [B, N, E], { dtype });
        const d = device.tensor(upstream, [B, E], { dtype });
        const mask = onDevice ? device.tensor(keyMask, [B, N], { dtype: "u32" }) : keyMask;
        const pooled = maskedMean(x, mask);
        const { value, grads } = valueAndGrad([x], () => sum(mul(maskedMean(x, mask), d)));
        const wanted = Array.from({ length: B * E }, (_, i) => {
          const [b, e] = [Math.floor(i / E), i % E];
          const count = counts[b] as number;
          return Array.from({ length: count }, (_, n) => values[(b * N + n) * E + e] as number).reduce(
            (s, v) => s + v / count,
            0,
          );
        });
        const gradient = values.map((_, i) => {
          const token = Math.floor(i / E);
          const b = Math.floor(token / N);
          return keyMask[token] ? (upstream[b * E + (i % E)] as number) / (counts[b] as number) : 0;
        });
        const tolerance = dtype === "f16" ? { atol: 4e-3, rtol: 2e-3 } : { atol: 1e-5 };
        expect([pooled.dtype, pooled.shape]).toEqual([dtype, [B, E]]);
        expect(await pooled.data()).toBeAllClose(wanted, tolerance);
        expect(await (grads[0] ?? x).data()).toBeAllClose(gradient, tolerance);
        for (const tensor of [x, d, pooled, value, ...grads]) tensor.dispose();
        if (!Array.isArray(mask)) mask.dispose();
      }),
      share(48),
    ));

  test("a sample of padding alone is an error, and NaN where only the device knows", async () => {
    using x = device.zeros([2, 2, 4]);
    expect(() => device.scope(() => void maskedMean(x, [1, 1, 0, 0]))).toThrow(ShapeError);
    expect(() => device.scope(() => void maskedMean(x, [1, 1, 0, 0]))).toThrow(/sample 1/);
    expect(() => device.scope(() => void maskedMean(x, [1, 1]))).toThrow(/\[2, 2\]/);
    using mask = device.tensor([1, 1, 0, 0], [2, 2], { dtype: "u32" });
    using pooled = maskedMean(x, mask);
    expect([...(await pooled.data())]).toEqual([0, 0, 0, 0, NaN, NaN, NaN, NaN]);
  });

  test("leaves no buffer behind", () => expect(device.stats().byLabel).toEqual({}));
});
