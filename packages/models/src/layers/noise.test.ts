import { deriveSeed, LimitError, RANDOM_DOMAINS, seedKey } from "@dilated/core";
import { fc, test as property } from "@fast-check/vitest";
import { expect, it } from "vitest";
import { noisePlans } from "./noise.ts";

const config = { layers: 3, dropout: 0.1, attentionDropout: 0.1, activationDropout: 0.1, dropPath: 0.4 };
/** Masks of a decoder's layer with cross-attention: attention, residual and path of two sublayers, and of the feed-forward with its activation. */
const USES = 9;

const runSeed = fc.oneof(
  fc.maxSafeNat(),
  fc.integer({ min: 20_200_101, max: 20_991_231 }), // a date
  fc.integer({ min: 1_500_000_000_000, max: 2_500_000_000_000 }), // Date.now()
  fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER),
);

/** Key and counter words of the masks of some micro-batches, layers and uses, as the kernels get them. */
function masksOf(seed: number, microBatches: number[], layers: number[]): string[] {
  return microBatches.flatMap((index) => {
    const plans = noisePlans(config, deriveSeed(seed, index));
    return layers.flatMap((layer) => {
      const plan = plans(layer);
      return Array.from({ length: USES }, () => {
        const { seed: key = 0, stream = 0 } = plan?.next() ?? {};
        // Word 3 in attention; below 2^16, so that the domain in the lower half stays what it is.
        expect(stream).toBeLessThan(2 ** 16);
        return [...seedKey(key), RANDOM_DOMAINS.dropout + stream * 2 ** 16].join();
      });
    });
  });
}

const micro = fc.oneof(fc.nat(1000), fc.nat(2 ** 31 - 1), fc.maxSafeNat());
const layer = fc.oneof(fc.nat(100), fc.nat(4095));
const some = { minLength: 1, maxLength: 6 };

property.prop([runSeed, fc.uniqueArray(micro, some), fc.uniqueArray(layer, some)])(
  "no two (micro-batch, layer, use) of a run share a mask, whatever its seed",
  (seed, microBatches, layers) => {
    const masks = masksOf(seed, microBatches, layers);
    expect(new Set(masks).size).toBe(microBatches.length * layers.length * USES);
  },
);

property.prop([fc.uniqueArray(runSeed, { minLength: 2, maxLength: 6 }), fc.nat(10 ** 9)])(
  "nor do runs under different seeds",
  (seeds, first) => {
    const masks = seeds.flatMap((seed) => masksOf(seed, [first, first + 1, first + 2], [0, 1]));
    expect(new Set(masks).size).toBe(seeds.length * 6 * USES);
  },
);

it("stacks of an encoder-decoder share no slot, and what has none left says so", () => {
  const plans = [noisePlans(config, 5), noisePlans(config, 5, config.layers + 1)];
  const streams = plans.flatMap((plan) => [0, 1, 2, 3].map((layer) => plan(layer)?.next().stream));
  expect(new Set(streams).size).toBe(8);
  expect(() => noisePlans(config, 5)(4096)).toThrow(LimitError);
  expect(() => noisePlans(config, 5, 4000)(96)).toThrow(/limit: 4096 layers/);
});
