import { openTestDevice } from "@dilated-internal/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Device } from "../device/device.ts";
import { ConfigError, DeviceError } from "../errors/index.ts";
import { accumulate } from "../ops/accumulate.ts";
import { fill } from "../ops/fill.ts";

let device: Device;
beforeEach(async () => {
  device = await openTestDevice();
});
afterEach(() => device.dispose());

const SIZE = 100_000;

it("counts launches and their time by kernel", async () => {
  const x = device.full([SIZE], 1);
  const { value, profile } = await device.profile(() => {
    for (let i = 0; i < 3; i++) fill(x, i);
    return accumulate(x, x);
  });
  expect((await value.data())[SIZE - 1]).toBe(4);
  const fills = profile.kernels.find(({ name }) => name === "fill_f32");
  expect(fills?.launches).toBe(3);
  expect(profile.kernels.map(({ launches }) => launches).sort()).toEqual([1, 3]);
  expect(profile.hostMs).toBeGreaterThan(0);
  expect(profile.wallMs).toBeGreaterThan(0);
  if (profile.clock === "none") return;
  const sum = profile.kernels.reduce((ms, kernel) => ms + (kernel.deviceMs ?? Number.NaN), 0);
  expect(sum).toBeCloseTo(profile.deviceMs ?? Number.NaN, 9);
  expect(profile.deviceMs).toBeGreaterThan(0);
  expect(profile.spanMs).toBeGreaterThanOrEqual((profile.deviceMs ?? 0) * 0.999);
});

it("times the whole without looking at launches", async () => {
  const x = device.zeros([SIZE]);
  const { profile } = await device.profile(
    async () => {
      for (let i = 0; i < 200; i++) fill(x, i);
      await device.sync();
      fill(x, 7);
    },
    { detail: "total" },
  );
  expect(profile.kernels).toMatchObject([{ name: "fill_f32", launches: 201, deviceMs: undefined }]);
  if (profile.clock !== "none") expect(profile.deviceMs).toBeGreaterThan(0);
  expect((await x.data())[0]).toBe(7);
});

it("more launches than one set of timestamps holds", async () => {
  const x = device.zeros([64]);
  const { profile } = await device.profile(() => {
    for (let i = 0; i < 2_100; i++) fill(x, i);
  });
  expect(profile.kernels).toMatchObject([{ name: "fill_f32", launches: 2_100 }]);
});

it("one profile at a time; a failure inside ends it", async () => {
  await expect(device.profile(() => device.profile(() => {}))).rejects.toThrow(DeviceError);
  await expect(
    device.profile(() => {
      throw new RangeError("mine");
    }),
  ).rejects.toThrow("mine");
  await expect(device.profile(() => {}, { detail: "lines" } as never)).rejects.toThrow(ConfigError);
  const { profile } = await device.profile(() => {});
  expect(profile).toMatchObject({ hostMs: 0, kernels: [] });
});
