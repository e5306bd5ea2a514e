import { cast, valueAndGrad } from "@dilated/core";
import { mul, sum } from "@dilated/kernels";
import { openTestDevice } from "@dilated-internal/testing";
import { expect, it } from "vitest";
import { take } from "../test-utils/arrays.ts";
import { dropPath, noisePlans } from "./noise.ts";

const config = { layers: 3, dropout: 0.1, attentionDropout: 0, activationDropout: 0, dropPath: 0.4 };

it("drop-path zeroes whole samples and keeps the mean", async () => {
  using device = await openTestDevice();
  using x = device.full([64, 2, 3], 1);
  const y = await take(dropPath(x, 0.25, 7));
  const samples = Array.from({ length: 64 }, (_, b) => y.slice(b * 6, b * 6 + 6));
  for (const sample of samples) expect(new Set(sample).size).toBe(1);
  const kept = samples.filter(([first]) => first !== 0);
  expect(kept.length).toBeGreaterThan(36);
  expect(kept.length).toBeLessThan(60);
  expect(kept[0]?.[0]).toBeCloseTo(4 / 3, 5);
  using one = device.full([1, 2], 1);
  const alone = await Promise.all(Array.from({ length: 12 }, (_, seed) => take(dropPath(one, 0.5, seed))));
  expect(new Set(alone.map(([value]) => value))).toEqual(new Set([0, 2]));
  const streams = await Promise.all(Array.from({ length: 12 }, (_, stream) => take(dropPath(one, 0.5, 7, stream))));
  expect(new Set(streams.map(([value]) => value))).toEqual(new Set([0, 2]));
});

it("drop-path leaves what is not finite in its sample, forward and backward", async () => {
  using device = await openTestDevice();
  const [B, E] = [8, 3];
  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const dtype of ["f32", "f16"] as const) {
    const values = Array.from({ length: B * E }, (_, i) => (i < E ? (odd[i] as number) : 1));
    const x = device.tensor(values, [B, E], { dtype });
    for (let seed = 0; seed < 4; seed++) {
      const weights = device.tensor(values, [B, E], { dtype });
      const { grads } = valueAndGrad(x, () => cast(sum(mul(dropPath(x, 0.5, seed), weights)), "f32"));
      for (const rows of [[...(await take(dropPath(x, 0.5, seed)))], [...(await grads.data())]]) {
        for (const value of rows.slice(E)) expect([0, 2]).toContain(value);
        expect(new Set(rows.slice(E)).size).toBe(2);
        const first = rows.slice(0, E);
        expect([odd, [0, 0, 0]]).toContainEqual(first);
      }
    }
  }
});

it("a plan repeats its masks for the layer, and no two uses share one", () => {
  const plans = noisePlans(config, 5);
  const draw = (layer: number) => {
    const plan = plans(layer);
    return Array.from({ length: 9 }, () => plan?.next());
  };
  expect(draw(1)).toEqual(draw(1));
  const masks = [0, 1, 2].flatMap(draw);
  expect(new Set(masks.map((mask) => `${mask?.seed} ${mask?.stream}`)).size).toBe(27);
  expect(draw(0)[0]).not.toEqual(noisePlans(config, 6)(0)?.next());
  expect([0, 1, 2].map((layer) => plans(layer)?.path)).toEqual([0, 0.2, 0.4]);
});

it("there is no plan for evaluation, or where nothing is random", () => {
  expect(noisePlans(config, undefined)(0)).toBeUndefined();
  expect(noisePlans({ ...config, dropout: 0, dropPath: 0 }, 1)(0)).toBeUndefined();
});
