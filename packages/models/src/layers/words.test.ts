import * as core from "@dilated/core";
import { fc, test as property } from "@fast-check/vitest";
import { expect, vi } from "vitest";
import { TYPICAL_GPU, virtualDevice } from "../estimate/virtual-device.ts";
import { createModel } from "../factory.ts";
import { generate } from "../sample/generate.ts";
import { byteBatches } from "../text/token-batches.ts";

vi.mock("@dilated/core", async (original) => {
  const actual = await original<typeof core>();
  return { ...actual, philox4x32: vi.fn(actual.philox4x32) };
});

const { RANDOM_DOMAINS: domain, Tensor, philox4x32 } = core;
const heads = 2;
const branches = [{ segment: 8, dilation: 1 }];
const config = { kind: "longnet-lm", dim: 8, layers: 2, heads, vocab: 256, branches } as const;
const noise = { dropout: 0.1, attentionDropout: 0.1, activationDropout: 0.1, dropPath: 0.4 };

type Scalars = Readonly<Record<string, number>>;

/** Key and the two upper counter words; the two lower ones count elements, tokens or steps. */
type Words = readonly (number | undefined)[];

function wordsOfLaunch(kernel: string, s: Scalars): readonly Words[] {
  if (kernel.startsWith("random_")) return [[s.seedLow, s.seedHigh, s.stream, s.domain]];
  if (kernel === "dropout") return [[s.seed_lo, s.seed_hi, s.stream, domain.dropout]];
  if (!s.dropout_domain) return [];
  return Array.from({ length: heads }, (_, h) => [s.seed_low, s.seed_high, h, s.dropout_domain]);
}

/** Where all random words of `work` are, on the device and on this thread. */
async function wordsOf(device: core.Device, work: () => unknown): Promise<readonly Words[]> {
  const words: Words[] = [];
  vi.mocked(philox4x32).mockClear();
  let done: unknown;
  device.dryRun(
    () => {
      done = work();
    },
    ({ name }, { scalars }) => words.push(...wordsOfLaunch(name, scalars ?? {})),
  );
  await done;
  for (const [[, , stream, domain], key] of vi.mocked(philox4x32).mock.calls) words.push([...key, stream, domain]);
  expect(words.flat().every(Number.isInteger)).toBe(true);
  return words;
}

const seeds = fc.oneof(fc.constantFrom(0, 1, 20_261_130, Number.MAX_SAFE_INTEGER), fc.maxSafeNat());
const streams = fc.oneof(fc.nat(100), fc.nat(2 ** 32 - 1), fc.constantFrom(2 ** 31, 2 ** 32 - 1));

property.prop([seeds, fc.uniqueArray(streams, { minLength: 1, maxLength: 8 })], { numRuns: 15 })(
  "weights, tensors, masks, windows and samples of one seed share no random words",
  async (seed, streams) => {
    vi.spyOn(Tensor.prototype, "data").mockImplementation(async function (this: core.Tensor) {
      return new Float32Array(this.size); // a virtual device has no values
    });
    using device = virtualDevice(TYPICAL_GPU);
    using noisy = createModel(device, { ...config, ...noise });
    using quiet = createModel(device, config);
    const uses: Readonly<Record<string, readonly [domains: readonly number[], work: () => unknown]>> = {
      weights: [[domain.weights], () => createModel(device, { ...config, seed })],
      normal: [[domain.tensor], () => streams.map((stream) => device.randomNormal([4], { seed, stream }))],
      uniform: [[domain.tensor], () => streams.map((stream) => device.randomUniform([4], { seed, stream }))],
      masks: [
        [domain.dropout, domain.dropPath],
        () => noisy.loss(device.zeros([1, 9], { dtype: "i32" }), { dropoutSeed: seed }),
      ],
      windows: [[domain.windows], () => byteBatches(new Uint8Array(100), { seq: 8, seed })(3)],
      samples: [[domain.sampling], () => generate(quiet, [1], { count: 1, seed }).next()],
    };
    const owner = new Map<string, string>();
    for (const [use, [domains, work]] of Object.entries(uses)) {
      const words = await wordsOf(device, work);
      const found = words.map(([, , , domain = 0]) => domain % 2 ** 16);
      expect(new Set(found), use).toEqual(new Set(domains.map((domain) => domain % 2 ** 16)));
      for (const word of words) {
        const key = word.join();
        expect([key, owner.get(key) ?? use]).toEqual([key, use]);
        owner.set(key, use);
      }
    }
  },
);
