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
});

it("a plan repeats its seeds for the layer, and no two uses share one", () => {
  const plans = noisePlans(config, 5);
  const draw = (layer: number) => Array.from({ length: 9 }, () => plans(layer)?.nextSeed());
  const [a, again] = [plans(1), plans(1)];
  expect([a?.nextSeed(), a?.nextSeed()]).toEqual([again?.nextSeed(), again?.nextSeed()]);
  const seeds = [0, 1, 2].flatMap((layer) => {
    const plan = plans(layer);
    return Array.from({ length: 9 }, () => plan?.nextSeed());
  });
  expect(new Set(seeds).size).toBe(27);
  expect(draw(0)[0]).not.toBe(noisePlans(config, 6)(0)?.nextSeed());
  expect([0, 1, 2].map((layer) => plans(layer)?.path)).toEqual([0, 0.2, 0.4]);
});

it("there is no plan for evaluation, or where nothing is random", () => {
  expect(noisePlans(config, undefined)(0)).toBeUndefined();
  expect(noisePlans({ ...config, dropout: 0, dropPath: 0 }, 1)(0)).toBeUndefined();
});
