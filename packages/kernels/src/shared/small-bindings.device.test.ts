import { cast, type Device, type DType, randomUniform, type Tensor, valueAndGrad } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AttentionResult } from "../attention/op/dilated-attention.ts";
import { mergeAttention } from "../attention/op/merge.ts";
import { crossEntropy } from "../cross-entropy/cross-entropy.ts";
import { linearCrossEntropy } from "../cross-entropy/linear-cross-entropy.ts";
import { mul } from "../elementwise/binary.ts";
import { embedding } from "../embedding/embedding.ts";
import { maskedMean } from "../masked-mean/masked-mean.ts";
import { nextTokens } from "../next-tokens/next-tokens.ts";
import { adamWStep } from "../optimizer/adamw.ts";
import { clipGradNorm } from "../optimizer/clip.ts";
import { sgdStep } from "../optimizer/sgd.ts";
import { rope } from "../position/rope.ts";
import { sinusoidPositions } from "../position/sinusoid.ts";
import { sum } from "../reduce/reduce.ts";
import { softmax } from "../softmax/softmax.ts";
import { normal } from "./test-utils/op-case.ts";

type Work = (device: Device) => readonly Tensor[];

/** f32 tensor of normal numbers. */
const make = (device: Device, shape: readonly number[], stream: number, dtype: DType = "f32"): Tensor =>
  device.tensor(
    normal(
      shape.reduce((product, axis) => product * axis, 1),
      stream,
    ),
    shape,
    { dtype },
  );
const ids = (device: Device, shape: readonly number[], below: number): Tensor => {
  const size = shape.reduce((product, axis) => product * axis, 1);
  return device.tensor(
    Int32Array.from({ length: size }, (_, i) => (i * 7919 + (i >> 5)) % below),
    shape,
    {
      dtype: "i32",
    },
  );
};

/**
 * The ops that `windows.device.test.ts` does not have, with tensors half as long again as a binding of so many floats.
 */
function worksOf(floats: number): Readonly<Record<string, Work>> {
  const long = Math.ceil(floats * 1.5) + 3;
  const by = (width: number): number => Math.ceil(long / width);
  const gradients = (params: readonly Tensor[], y: () => Tensor, dy?: Tensor): Tensor[] => {
    const { value, grads } = valueAndGrad(params, () => (dy ? sum(mul(y(), dy)) : y()));
    return [value, ...grads];
  };
  return {
    "embedding of many rows": (device) => {
      const [table, places] = [make(device, [by(8), 8], 1), ids(device, [50], by(8))];
      return [
        embedding(table, places),
        ...gradients([table], () => embedding(table, places), make(device, [50, 8], 2)),
      ];
    },
    "embedding of many tokens": (device) => {
      const [table, places] = [make(device, [30, 20], 1), ids(device, [by(20)], 30)];
      const dy = make(device, [by(20), 20], 2);
      return [embedding(table, places), ...gradients([table], () => embedding(table, places), dy)];
    },
    "cross entropy": (device) => {
      const [x, targets] = [make(device, [by(64), 64], 1), ids(device, [by(64)], 64)];
      return gradients([x], () => crossEntropy(x, targets, { labelSmoothing: 0.1 }));
    },
    "cross entropy of an odd vocabulary, by row": (device) => {
      const [x, targets] = [make(device, [by(27), 27], 1), ids(device, [by(27)], 27)];
      return [crossEntropy(x, targets, { reduction: "none" }), ...gradients([x], () => crossEntropy(x, targets))];
    },
    "linear cross entropy": (device) => {
      const [x, w, targets] = [make(device, [60, 16], 1), make(device, [by(16), 16], 2), ids(device, [60], by(16))];
      return gradients([x, w], () => linearCrossEntropy(x, w, targets));
    },
    "linear cross entropy of many rows": (device) => {
      const [x, w, targets] = [make(device, [by(16), 16], 1), make(device, [20, 16], 2), ids(device, [by(16)], 20)];
      return gradients([x, w], () => linearCrossEntropy(x, w, targets));
    },
    AdamW: (device) => {
      const [param, grad, m, v] = [1, 2, 3]
        .map((stream) => make(device, [long], stream))
        .concat(device.full([long], 1));
      const copyTo = device.empty([long], { dtype: "f16" });
      adamWStep(param as Tensor, grad as Tensor, m as Tensor, v as Tensor, { lr: 0.1, step: 1, copyTo });
      return [param, m, v, copyTo] as Tensor[];
    },
    "AdamW of f16 gradients": (device) => {
      const [param, grad] = [make(device, [long], 1), make(device, [long], 2, "f16")];
      const [m, v] = [device.zeros([long]), device.zeros([long])];
      adamWStep(param, grad, m, v, { lr: 0.1, step: 1 });
      return [param, m, v];
    },
    SGD: (device) => {
      const [param, grad, velocity] = [1, 2, 3].map((stream) => make(device, [long], stream)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      sgdStep(param, grad, velocity, { lr: 0.1, momentum: 0.9, nesterov: true });
      return [param, velocity];
    },
    clipping: (device) => {
      const { norm, grads } = clipGradNorm([make(device, [long], 1), make(device, [long], 2, "f16")], 1);
      return [norm, ...grads];
    },
    "masked mean": (device) => {
      const N = Math.ceil(by(24) / 32) * 32; // samples that start at aligned places
      const x = make(device, [2, N, 12], 1);
      const mask = Array.from({ length: 2 * N }, (_, i) => i % 3 !== 0);
      return [maskedMean(x, mask), ...gradients([x], () => maskedMean(x, mask), make(device, [2, 12], 2))];
    },
    "next tokens": (device) => {
      const labels = ids(device, [2, by(2)], 50);
      const mask = Uint32Array.from({ length: labels.size }, (_, i) => Number(i % 7 !== 3));
      return [nextTokens(labels), nextTokens(labels, { keyMask: device.tensor(mask, labels.shape, { dtype: "u32" }) })];
    },
    "next tokens of one row": (device) => [nextTokens(ids(device, [1, long], 50), { cuSeqlens: [0, 9, long - 1] })],
    "rotation by positions": (device) => {
      const [x, positions] = [make(device, [2, by(64), 2, 16], 1), ids(device, [2, by(64)], 1000)];
      return [rope(x, { positions })];
    },
    "merged parts of attention": (device) => {
      const parts = [1, 2].map((stream) => ({
        out: make(device, [1, by(32), 2, 16], stream),
        lse: make(device, [1, 2, by(32)], stream + 2),
      }));
      const { out, lse } = mergeAttention(...(parts as [AttentionResult, AttentionResult]));
      return [out, lse];
    },
    "a sum over a middle axis": (device) => [sum(make(device, [3, 201, 151], 1), { axis: 1 })],
    "long rows of odd length": (device) => [softmax(make(device, [30, 2801], 1))],
    "cross entropy of many rows": (device) => {
      const [x, targets] = [make(device, [long, 3], 1), ids(device, [long], 3)];
      return gradients([x], () => crossEntropy(x, targets, { ignoreIndex: 1 }));
    },
    "linear cross entropy of more rows": (device) => {
      const [x, w, targets] = [make(device, [long, 4], 1), make(device, [5, 4], 2), ids(device, [long], 5)];
      return gradients([x, w], () => linearCrossEntropy(x, w, targets));
    },
    "means of long samples": (device) => {
      const N = by(12) + 3;
      const x = make(device, [2, N, 12], 1);
      const mask = Array.from({ length: 2 * N }, (_, i) => i % 3 !== 0);
      return [maskedMean(x, mask), ...gradients([x], () => maskedMean(x, mask), make(device, [2, 12], 2))];
    },
    "merged parts of many heads": (device) => {
      const parts = [1, 2].map((stream) => ({
        out: make(device, [2, by(8), 8, 4], stream),
        lse: make(device, [2, 8, by(8)], stream + 2),
      }));
      const { out, lse } = mergeAttention(...(parts as [AttentionResult, AttentionResult]));
      return [out, lse];
    },
    sinusoids: (device) => [
      sinusoidPositions(device, by(12), 12),
      sinusoidPositions(device, by(16), 16, { dtype: "f16" }),
    ],
    "random numbers": (device) => [
      device.randomNormal([long], { seed: 1 }),
      device.randomNormal([long], { seed: 1, dtype: "f16" }),
      randomUniform(device.empty([long]), { seed: 2 }),
    ],
    casts: (device) => {
      const x = mul(make(device, [long], 1), device.full([long], 100));
      const [half, whole] = [cast(x, "f16"), cast(x, "i32")];
      return [half, whole, cast(half, "f32"), cast(whole, "f16"), cast(cast(half, "u32"), "f32"), cast(whole, "u32")];
    },
  };
}

describe.each([65_536, 262_144])("under bindings of %i bytes", (maxBindingBytes) => {
  let whole: Device;
  let cut: Device;
  beforeAll(async () => {
    [whole, cut] = await Promise.all([openTestDevice(), openTestDevice({ maxBindingBytes })]);
  });
  afterAll(() => {
    whole.dispose();
    cut.dispose();
  });

  test.each(Object.entries(worksOf(maxBindingBytes / 4)))("%s gives what it gives whole", async (_name, work) => {
    const [got, want] = await Promise.all(
      [cut, whole].map(async (device) => {
        const results: Tensor[] = [];
        device.scope(() => void results.push(...work(device).map((tensor) => tensor.detachedAlias())));
        const values = await Promise.all(results.map((tensor) => tensor.data()));
        for (const tensor of results) tensor.dispose();
        return values;
      }),
    );
    want?.forEach((values, i) => {
      const most = Array.from(values).reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
      expect(got?.[i]).toBeAllClose(values, { atol: 2e-6 * most, rtol: 1e-5 });
    });
  });
});
