import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../device/device.ts";
import { ConfigError, DtypeError } from "../errors/index.ts";
import { normalKernel, uniformKernel } from "../ops/random.ts";
import { flatLaunch } from "../ops/windows.ts";
import { f16ToF32, f32ToF16 } from "../tensor/float16.ts";
import { normalTable } from "./normal-table.ts";
import { normalReference, normalsAt, uniformReference, uniformsAt } from "./reference.ts";
import { RANDOM_DOMAINS, UNIFORM_DOMAIN } from "./seeds.ts";

describe("random tensors", () => {
  let device: Device;
  beforeAll(async () => {
    device = await openTestDevice();
  });
  afterAll(() => device.dispose());

  const seeds = [0, 1, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER];

  it.each(seeds)("uniform has the reference's bits, seed %i", async (seed) => {
    using x = device.randomUniform([10_007], { seed, stream: 3 });
    expect(await x.data()).toEqual(uniformReference(10_007, seed, 3));
  });

  it.each(seeds)("normal has the reference's bits, seed %i", async (seed) => {
    using x = device.randomNormal([10_007], { seed });
    expect(await x.data()).toEqual(normalReference(10_007, seed));
  });

  it("weights are of a domain of their own", async () => {
    using x = device.randomNormal([10_007], { seed: 1, stream: 3, domain: "weights" });
    expect(await x.data()).toEqual(normalReference(10_007, 1, 3, "weights"));
  });

  it("f16 is the f32 sample rounded to nearest even", async () => {
    using x = device.randomNormal([3, 1001], { seed: 9, dtype: "f16" });
    expect(await x.data()).toEqual(f16ToF32(f32ToF16(normalReference(3003, 9))));
  });

  it("scales by std, then adds mean", async () => {
    using x = device.randomNormal([4096], { seed: 4, mean: 2, std: 0.5 });
    expect(await x.data()).toEqual(normalReference(4096, 4).map((z) => z * 0.5 + 2));
  });

  it("does not depend on windows", async () => {
    using small = await openTestDevice({ maxBindingBytes: 16_384 });
    using x = small.randomNormal([10_007], { seed: 5 });
    expect(await x.data()).toEqual(normalReference(10_007, 5));
  });

  it("counts groups in 64 bits: a launch that begins in front of 2^32 of them", async () => {
    const first = 2 ** 32 - 4;
    const domain = RANDOM_DOMAINS.tensor;
    const words = { seedLow: 7, seedHigh: 1, stream: 2, domain, first, firstHigh: 3, quads: 8 };
    using u = device.empty([32]);
    device.run(uniformKernel, {
      tensors: { y: u },
      scalars: { ...words, domain: domain + UNIFORM_DOMAIN },
      ...flatLaunch(8),
      scratchBytes: 64,
    });
    const index = (3 * 2 ** 32 + first) * 4;
    expect(await u.data()).toEqual(uniformsAt(index, 32, 2 ** 32 + 7, 2));
    using table = device.tensor(normalTable(), [normalTable().length], { dtype: "i32" });
    using z = device.empty([32]);
    device.run(normalKernel, {
      tensors: { table, y: z },
      scalars: { ...words, mean: 0, scale: 1 },
      ...flatLaunch(8),
      scratchBytes: 64,
    });
    expect(await z.data()).toEqual(normalsAt(index, 32, 2 ** 32 + 7, 2));
  });

  it("lists every wrong option", () => {
    expect(() => device.randomNormal([4], { seed: -1, stream: 0.5, domain: "dropout" as never, std: -1 })).toThrow(
      /seed: -1[\s\S]*stream: 0.5[\s\S]*domain: "dropout"[\s\S]*std: -1/,
    );
    expect(() => device.randomUniform([4], { seed: 0, std: 2 })).toThrow(ConfigError);
    expect(() => device.randomNormal([4], { seed: 0, dtype: "i32" })).toThrow(DtypeError);
  });
});
