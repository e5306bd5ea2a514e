import { ConfigError, type Device, meanOver, philox4x32, type Tensor, treeTensors } from "@dilated/core";
import { add, crossEntropy, linear, linearCrossEntropy, mean, mul, scale, square, sub, sum } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HostArray } from "./batch.ts";
import { adamW } from "./optimizer.ts";
import type { TrainOptions } from "./options.ts";
import { read } from "./test-utils/tiny.ts";
import { train } from "./train.ts";
import type { Trainable } from "./trainable.ts";

let device: Device;
beforeAll(async () => {
  device = await openTestDevice();
});
afterAll(() => device.dispose());

const V = 8;
const E = 4;

interface Rows<T> {
  readonly x: T;
  readonly y: T;
}

type Loss = (x: Tensor, y: Tensor, w: Tensor) => Tensor;

const modelOf = (loss: Loss): Trainable<Rows<Tensor>, { w: Tensor }> => ({
  device,
  parameters: { w: device.randomNormal([V, E], { seed: 5 }) },
  loss({ x, y }) {
    return loss(x, y, this.parameters.w);
  },
});

/** Rows of labels -> a batch of them all; row r of x is the same in whatever batch it comes. */
const batchOf = (labels: readonly (readonly number[])[], first = 0): Rows<HostArray> => {
  const y = labels.flat();
  const x = y.map((_, i) => i + first).flatMap((r) => Array.from({ length: E }, (_, e) => Math.sin(1 + r * E + e)));
  return { x: { data: x, shape: [y.length, E] }, y: { data: y, shape: [y.length], dtype: "i32" } };
};

type Options = Partial<Omit<TrainOptions, "evaluate" | "accumulate">>;

async function stepsOf(loss: Loss, micro: readonly (readonly number[])[], accumulate: number, options: Options = {}) {
  const model = modelOf(loss);
  const starts = micro.map((_, i) => micro.slice(0, i).flat().length);
  const batches = (i: number) =>
    accumulate === 1 ? batchOf(micro) : batchOf([micro[i % accumulate] as number[]], starts[i % accumulate]);
  const reports: { loss: number; gradNorm: number; skipped: boolean }[] = [];
  const given = { optimizer: adamW({ lr: 0.1 }), steps: 2, ...options };
  for await (const { loss, gradNorm, skipped, state } of train(model, batches, { ...given, accumulate })) {
    reports.push({ loss, gradNorm, skipped });
    if (reports.length === given.steps)
      for (const tensor of treeTensors([state.optimizer, state.ema])) tensor.dispose();
  }
  const weights = await read(treeTensors(model.parameters));
  for (const tensor of treeTensors(model.parameters)) tensor.dispose();
  return { reports, weights };
}

/** Two steps of micro-batches, and of one batch of them all. */
async function expectTheSame(loss: Loss, micro: readonly (readonly number[])[], options: Options = {}): Promise<void> {
  const [parts, one] = [await stepsOf(loss, micro, micro.length, options), await stepsOf(loss, micro, 1, options)];
  for (const [i, { loss: got, gradNorm, skipped }] of parts.reports.entries()) {
    const wanted = one.reports[i] as (typeof one.reports)[0];
    expect(got).toBeCloseTo(wanted.loss, 4);
    expect(gradNorm).toBeCloseTo(wanted.gradNorm, options.precision === "mixed" ? 2 : 4);
    expect(skipped).toBe(wanted.skipped);
  }
  const atol = options.precision === "mixed" ? 2e-2 : 1e-3;
  for (const [i, values] of parts.weights.entries()) expect(values).toBeAllClose(one.weights[i] as number[], { atol });
}

/** Rows that count nowhere are cut off by a mean of one's own. */
const ownMean: Loss = (x, _, w) => {
  const rows = sum(square(linear(x, w)));
  return meanOver(scale(rows, 1 / (x.shape[0] ?? 1)), x.shape[0] ?? 1);
};

const losses: Readonly<Record<string, Loss>> = {
  crossEntropy: (x, y, w) => crossEntropy(linear(x, w), y),
  "smoothed, and scaled": (x, y, w) => scale(crossEntropy(linear(x, w), y, { labelSmoothing: 0.1 }), 3),
  linearCrossEntropy: (x, y, w) => linearCrossEntropy(x, w, y),
  "with a penalty on the weights": (x, y, w) => add(crossEntropy(linear(x, w), y), scale(mean(square(w)), 0.5)),
  "two heads with the same targets": (x, y, w) =>
    add(crossEntropy(linear(x, w), y), crossEntropy(linear(x, square(w)), y)),
  "mean of what there is": (x, _, w) => mean(square(linear(x, w))),
  "a mean of one's own": ownMean,
};

const counts: readonly (readonly number[])[] = [
  [1, 2, 3, 4, 5, 6],
  [7, -1, -1, -1],
  [-1, -1],
  [2, 2, -1],
];

describe("micro-batches with different numbers of targets make the step of one batch", () => {
  test.each(Object.keys(losses))("%s", (name) => expectTheSame(losses[name] as Loss, counts));

  test.each([
    ["clipped", { maxNorm: 0.01 }],
    ["averaged", { ema: 0.9 }],
    ["in mixed precision", { precision: "mixed" }],
  ] as const)("%s", (_, options) => expectTheSame(losses.crossEntropy as Loss, counts, options));

  test.each([1, 2, 3, 4])("whatever the numbers (%d)", (seed) => {
    const draw = (i: number, below: number): number => (philox4x32([i, 0, 0, 0], [seed, 0])[0] as number) % below;
    const micro = Array.from({ length: 2 + draw(0, 3) }, (_, m) =>
      Array.from({ length: 1 + draw(m + 1, 7) }, (_, i) => draw(100 * (m + 1) + i, V + 3) - 3),
    ).map((labels) => labels.map((label) => Math.max(-1, label)));
    return expectTheSame(losses.crossEntropy as Loss, micro, { steps: 1 });
  });
});

test("micro-batches without any target have a loss of 0, as one batch of them has", async () => {
  const { reports } = await stepsOf(losses.crossEntropy as Loss, [[-1, -1], [-1]], 2);
  expect(reports.map(({ loss, gradNorm }) => [loss, gradNorm])).toEqual([
    [0, 0],
    [0, 0],
  ]);
});

test("a loss of which nothing is known counts as much as any other", async () => {
  const unknown: Loss = (x, _, w) => sum(square(linear(x, w)));
  const { reports } = await stepsOf(unknown, [[1, 1], [1]], 2, { steps: 1 });
  const { reports: sums } = await stepsOf(unknown, [[1, 1], [1]], 1, { steps: 1 });
  expect(reports[0]?.loss).toBeCloseTo((sums[0]?.loss as number) / 2, 4);
});

test("means over different targets in one loss are refused, unless it says what it is a mean over", async () => {
  const two: Loss = (x, y, w) => {
    const others = device.tensor(new Int32Array(y.size).fill(1), [y.size], { dtype: "i32" });
    return add(crossEntropy(linear(x, w), y), crossEntropy(linear(x, w), others));
  };
  const live = device.stats().live;
  await expect(stepsOf(two, counts, 4)).rejects.toThrow(ConfigError);
  await expect(stepsOf(two, counts, 4)).rejects.toThrow(/2 sets of targets.*meanOver/s);
  const said: Loss = (x, y, w) => meanOver(two(x, y, w), 1);
  expect((await stepsOf(said, counts, 4)).reports).toHaveLength(2);
  await stepsOf(two, counts, 1); // one batch needs no weights
  const sized: Loss = (x, _, w) => add(mean(square(linear(x, w))), mean(mul(sub(x, x), x)));
  await expect(stepsOf(sized, counts, 4)).rejects.toThrow(/means over 48, 24 and over 32, 16 things/);
  await device.sync();
  expect(device.stats().live).toBeLessThan(live + 4096);
});
