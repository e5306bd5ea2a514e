import { type Device, DilatedError, valueAndGrad } from "@dilated/core";
import { openTestDevice, share } from "@dilated-internal/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mul } from "../elementwise/binary.ts";
import { sum } from "../reduce/reduce.ts";
import { expectClose, type Float, normal } from "../shared/test-utils/op-case.ts";
import { checkTokens } from "./check-tokens.ts";
import { type EmbeddingCase, embeddingArbitrary, embeddingCases } from "./embedding.cases.ts";
import { embeddingGradReference, embeddingReference } from "./embedding.reference.ts";
import { embedding } from "./embedding.ts";

describe("embedding", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openTestDevice();
  });
  afterAll(() => device.dispose());

  async function check(
    { V, E, ids, shape = [ids.length] }: EmbeddingCase,
    dtype: Float,
    on: Device = device,
  ): Promise<void> {
    const [table, dy] = [normal(V * E, 1, dtype), normal(ids.length * E, 2, dtype)];
    const [t, d] = [on.tensor(table, [V, E], { dtype }), on.tensor(dy, [...shape, E], { dtype })];
    const tokens = on.tensor(ids, shape, { dtype: "i32" });
    const y = embedding(t, tokens);
    const { grads, value } = valueAndGrad([t], () => sum(mul(embedding(t, tokens), d)));
    expect([y.dtype, y.shape]).toEqual([dtype, [...shape, E]]);
    expect([...(await y.data())]).toEqual([...embeddingReference(table, V, E, ids)]);
    for (const grad of grads) expectClose(await grad.data(), embeddingGradReference(dy, V, E, ids), dtype);
    for (const tensor of [t, d, tokens, y, value, ...grads]) tensor.dispose();
  }

  describe.each(["f32", "f16"] as const)("%s", (dtype) => {
    test.each(embeddingCases)("$name", (one) => check(one, dtype));
    test("random shapes", () =>
      fc.assert(
        fc.asyncProperty(embeddingArbitrary, (one) => check(one, dtype)),
        share(32),
      ));
  });

  test("tables and gradients longer than a binding", async () => {
    using cut = await openTestDevice({ maxBindingBytes: 16_384 });
    const ids = Array.from({ length: 700 }, (_, i) => (i * 7919) % 300);
    await check({ name: "cut", V: 300, E: 32, ids }, "f32", cut);
  });

  test("ids outside the vocabulary give NaN rows and no gradient", async () => {
    using table = device.tensor([1, 2, 3, 4, 5, 6, 7, 8], [2, 4]);
    using ids = device.tensor([1, -1, 2, 0], [4], { dtype: "i32" });
    const { grads, value } = valueAndGrad([table], () => sum(embedding(table, ids)));
    using y = embedding(table, ids);
    const nan = [Number.NaN, Number.NaN, Number.NaN, Number.NaN];
    expect([...(await y.data())]).toEqual([5, 6, 7, 8, ...nan, ...nan, 1, 2, 3, 4]);
    expect([...(await (grads[0] ?? table).data())]).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    for (const tensor of [value, ...grads]) tensor.dispose();
  });

  test("checkTokens names the first bad token and counts them", () => {
    expect(() => checkTokens([0, 255, -1], 256, { allow: -1 })).not.toThrow();
    expect(() => checkTokens([0, 300, 2.5, -1], 256)).toThrow(
      /3 of 4 tokens are not in \[0, 256\).*token 300 at index 1/s,
    );
  });

  test.each([
    ["a table of another rank", () => embedding(device.zeros([4]), device.zeros([1], { dtype: "i32" })), "SHAPE"],
    [
      "rows that are no multiple of four",
      () => embedding(device.zeros([4, 6]), device.zeros([1], { dtype: "i32" })),
      "SHAPE",
    ],
    ["float ids", () => embedding(device.zeros([4, 8]), device.zeros([1])), "DTYPE"],
  ] as const)("refuses %s", (_name, call, code) => {
    let error: unknown;
    try {
      device.scope(() => void call());
    } catch (thrown) {
      error = thrown;
    }
    expect(DilatedError.is(error) && error.code).toBe(code);
  });

  test("leaves no buffer behind", () => expect(device.stats().byLabel).toEqual({}));
});
