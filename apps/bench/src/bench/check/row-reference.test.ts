import { attentionGradientReference, attentionReference, resolveAttentionOptions } from "@dilated/kernels/reference";
import { expect, test } from "vitest";
import { normalArray } from "../cpu/random.ts";
import { halfValues } from "./half.ts";
import { keyRow, queryRow } from "./row-reference.ts";

const [N, D] = [24, 4];
const branches = [
  { segment: 8, dilation: 1 },
  { segment: 24, dilation: 3 },
];

test.each([false, true])("single rows are those of the whole definition, causal %s", (causal) => {
  const [q, k, v, dout] = [1, 2, 3, 4].map((seed) => normalArray(N * D, seed)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const shape = [1, N, 1, D];
  const pattern = resolveAttentionOptions("test", { q: shape, k: shape, v: shape }, { branches, causal });
  const whole = attentionReference({ q, k, v }, pattern);
  const gradients = attentionGradientReference({ q, k, v }, dout, pattern);
  const data = { D, q, k, v, dout, out: Float32Array.from(whole.out), lse: Float32Array.from(whole.lse) };
  const close = (actual: ArrayLike<number>, exact: Float64Array, row: number): void => {
    for (let d = 0; d < D; d++) expect(actual[d]).toBeCloseTo(exact[row * D + d] as number, 5);
  };
  for (let t = 0; t < N; t++) {
    const row = queryRow(data, pattern, 0, t);
    close(row.out, whole.out, t);
    expect(row.lse).toBeCloseTo(whole.lse[t] as number, 10);
    close(row.dq ?? [], gradients.dq, t);
    const { dk, dv } = keyRow(data, pattern, 0, t);
    close(dk, gradients.dk, t);
    close(dv, gradients.dv, t);
  }
});

test("f16 by table", () => {
  const values = halfValues();
  expect([0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000].map((bits) => values[bits])).toEqual([1, -2, 2 ** -24, 65_504, -0]);
  expect([values[0x7c00], values[0xfc00], values[0x7e00]]).toEqual([
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]);
});
