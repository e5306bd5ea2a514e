import { treeTensors } from "@dilated/core";
import { openTestDevice } from "@dilated-internal/testing";
import { expect, it } from "vitest";
import { createModel } from "../factory.ts";

const SIZE = 1024;
const branches = [{ segment: 16, dilation: 1 }];

/** Correlation of the first elements; samples have mean 0. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
    Array.from({ length: SIZE }, (_, i) => (x[i] as number) * (y[i] as number)).reduce((sum, term) => sum + term);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

it.each([0, 7, Number.MAX_SAFE_INTEGER])("initial weights have nothing to do with tensors of seed %i", async (seed) => {
  using device = await openTestDevice();
  using model = createModel(device, { kind: "longnet-lm", dim: 32, layers: 1, heads: 2, vocab: 64, branches, seed });
  const weights = treeTensors(model.parameters).filter(({ rank, size }) => rank > 1 && size >= SIZE);
  expect(weights.length).toBeGreaterThan(4);
  for (let stream = 0; stream < weights.length; stream++) {
    using normal = device.randomNormal([SIZE], { seed, stream });
    using uniform = device.randomUniform([SIZE], { seed, stream });
    const samples = await normal.data();
    const ranks = (await uniform.data()).map((u) => u - 0.5);
    expect(Math.abs(correlation(samples, ranks))).toBeLessThan(5 / Math.sqrt(SIZE));
    for (const weight of weights) {
      const values = await weight.data();
      for (const other of [samples, ranks]) {
        expect(Math.abs(correlation(values, other))).toBeLessThan(5 / Math.sqrt(SIZE));
      }
    }
  }
});
