import { valueAndGrad } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { expect, test } from "vitest";
import { sum } from "../reduce/reduce.ts";
import { describeOp } from "../shared/test-utils/describe-op.ts";
import { normal } from "../shared/test-utils/op-case.ts";
import { linearCases } from "./linear.cases.ts";
import { linear } from "./linear.ts";
import { anyMatmul, matmulCases } from "./matmul.cases.ts";
import { matmulReference } from "./matmul.reference.ts";
import { matmul } from "./matmul.ts";

describeOp("matmul", [...matmulCases, ...linearCases], anyMatmul, [
  {
    name: "inner sizes that differ",
    call: (d) => matmul(d.zeros([2, 3]), d.zeros([2, 3])),
    code: "SHAPE",
    message: /matmul: inner sizes differ: 3 and 2.*a: f32\[2, 3\]/s,
  },
  {
    name: "leading axes that differ",
    call: (d) => matmul(d.zeros([2, 3, 4]), d.zeros([3, 4, 5])),
    code: "SHAPE",
    message: /leading axes differ.*\[2\]/s,
  },
  {
    name: "a bias of another width",
    call: (d) => linear(d.zeros([2, 4]), d.zeros([3, 4]), d.zeros([4])),
    code: "SHAPE",
    message: /linear: bias must be \[3\]/,
  },
  { name: "vectors", call: (d) => matmul(d.zeros([4]), d.zeros([4, 2])), code: "SHAPE", message: /two axes at least/ },
  {
    name: "integers",
    call: (d) => matmul(d.zeros([2, 2], { dtype: "i32" }), d.zeros([2, 2])),
    code: "DTYPE",
    message: /f32 or f16/,
  },
  {
    name: "a residual of another shape",
    call: (d) => linear(d.zeros([2, 4]), d.zeros([3, 4]), undefined, { residual: d.zeros([3]) }),
    code: "SHAPE",
    message: /linear: residual must be \[2, 3\]/,
  },
  {
    name: "an unknown activation",
    call: (d) => linear(d.zeros([2, 4]), d.zeros([3, 4]), undefined, { activation: "tanh" as never }),
    code: "CONFIG",
    message: /activation: "tanh"; allowed: "relu", "silu", "gelu"/,
  },
  {
    name: "an unknown option",
    call: (d) => matmul(d.zeros([2, 2]), d.zeros([2, 2]), { transpose: true } as never),
    code: "CONFIG",
    message: /unknown option transpose/,
  },
]);

test("large tiles: 1,600 x 520 x 100 in both precisions", async () => {
  using device = await openTestDevice();
  const [m, n, k] = [1600, 520, 100];
  for (const dtype of ["f32", "f16"] as const) {
    const [a, b] = [normal(m * k, 1, dtype), normal(k * n, 2, dtype)];
    using x = device.tensor(a, [m, k], { dtype });
    using y = device.tensor(b, [k, n], { dtype });
    using c = matmul(x, y);
    const got = await c.data();
    const rows = [0, 127, 128, 831, 1599];
    const wanted = rows.flatMap((row) => [
      ...matmulReference(
        { batch: 1, m: 1, n, k, transposeA: false, transposeB: false, sharedB: false, alpha: 1 },
        a.subarray(row * k, (row + 1) * k),
        b,
      ),
    ]);
    const picked = rows.flatMap((row) => [...got.subarray(row * n, (row + 1) * n)]);
    expect(picked).toBeAllClose(wanted, dtype === "f32" ? { atol: 5e-5 } : { atol: 0.02, rtol: 2 ** -10 });
  }
});

test("f16 weights under f32 activations keep their dtypes in the gradients", async () => {
  using device = await openTestDevice();
  using x = device.tensor([1, 2, 3, 4], [1, 4]);
  using w = device.tensor([1, 0, 0, 1, 0, 1, 1, 0], [2, 4], { dtype: "f16" });
  using y = linear(x, w);
  expect([y.dtype, [...(await y.data())]]).toEqual(["f32", [5, 5]]);
  const { grads, value } = valueAndGrad([x, w], () => sum(linear(x, w)));
  expect(grads.map((grad) => grad.dtype)).toEqual(["f32", "f16"]);
  expect([...(await (grads[1] ?? x).data())]).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
  for (const tensor of [...grads, value]) tensor.dispose();
});

test("operands longer than a binding give the same as whole ones", async () => {
  using whole = await openTestDevice();
  using cut = await openTestDevice({ maxBindingBytes: 32_768 });
  const shapes = [
    { m: 300, n: 64, k: 64 }, // rows of a and c
    { m: 16, n: 400, k: 64, transposeB: true }, // columns of c
    { m: 16, n: 64, k: 400 }, // steps of k through b
    { m: 16, n: 32, k: 1024, transposeA: true }, // steps of k through both
  ];
  for (const { m, n, k, transposeA = false, transposeB = false } of shapes) {
    const [a, b] = [normal(m * k, 3), normal(k * n, 4)];
    const results = [whole, cut].map((device) => {
      const x = device.tensor(a, transposeA ? [k, m] : [m, k]);
      const y = device.tensor(b, transposeB ? [n, k] : [k, n]);
      return matmul(x, y, { transposeA, transposeB, bias: device.tensor(b.subarray(0, n)) });
    });
    const [one, two] = await Promise.all(results.map((tensor) => tensor.data()));
    // Sums of 1,024 products in another order: Σ|a b| is about 650, of which f32 loses some 2^-23.
    expect(two).toBeAllClose(one ?? [], { atol: k < 1024 ? 1e-4 : 3e-4 });
  }
});
