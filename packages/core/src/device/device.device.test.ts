import { openTestDevice } from "@dilated-internal/testing";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import {
  ConfigError,
  DeviceError,
  DisposedError,
  DtypeError,
  FeatureError,
  LimitError,
  ShapeError,
} from "../errors/index.ts";
import { accumulate } from "../ops/accumulate.ts";
import { fill } from "../ops/fill.ts";
import type { DType } from "../tensor/dtype.ts";
import { f16ToF32 } from "../tensor/half.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Device } from "./device.ts";

describe("Device", () => {
  let device: Device;
  beforeEach(async () => {
    device = await openTestDevice();
  });
  afterEach(() => device.dispose());

  it("says what it is", () => {
    expect(device.info.backend).toBe(inject("backend"));
    expect(device.info.threads).toBeGreaterThan(0);
    expect(device.limits.maxBindingBytes).toBeLessThanOrEqual(device.limits.maxTensorBytes);
  });

  const values: [DType, ArrayLike<number>][] = [
    ["f32", [1.5, -2, 3e-20]],
    ["f16", [1.5, -2, 2 ** -24]],
    ["i32", [-(2 ** 31), 0, 2 ** 31 - 1]],
    ["u32", [0, 1, 2 ** 32 - 1]],
  ];
  it.each(values)("gives back %s as it was given", async (dtype, given) => {
    const x = device.tensor(given, [3, 1], { dtype, label: "x" });
    expect(x.shape).toEqual([3, 1]);
    expect([...(await x.data())]).toEqual(dtype === "f32" ? [...new Float32Array(given)] : given);
    expect((await x.bytes()).length).toBe(x.byteLength);
  });

  it("holds scalars and empty tensors", async () => {
    expect(await device.tensor([7], []).item()).toBe(7);
    expect(await device.zeros([0]).data()).toEqual(new Float32Array(0));
  });

  it("gives data that is the caller's own", async () => {
    const x = device.tensor([1, 2, 3]);
    const data = await x.data();
    data[0] = 9;
    fill(x, 5);
    await device.sync();
    expect([...data]).toEqual([9, 2, 3]);
    expect([...(await x.data())]).toEqual([5, 5, 5]);
  });

  it("gives halves as numbers, also where they are widened in parts", async () => {
    const words = Uint16Array.from({ length: 2 ** 20 + 5 }, (_, i) => i % 31_000);
    using x = device.tensor(words, [words.length], { dtype: "f16" });
    const values = (await x.data()) as Float32Array;
    const wanted = f16ToF32(words);
    expect(values.length).toBe(words.length);
    expect(values.findIndex((value, i) => value !== wanted[i])).toBe(-1);
  });

  it("writes and copies in order", async () => {
    const x = device.tensor([1, 2, 3, 4]);
    const y = device.zeros([4]);
    device.copy(x, y, { count: 2 });
    device.write(x, [5, 6, 7, 8]);
    device.copy(x, y, { from: 2, to: 2, count: 2 });
    expect([...(await y.data())]).toEqual([1, 2, 7, 8]);
    expect(() => device.copy(x, y, { from: 3, count: 2 })).toThrow(ShapeError);
    expect(() => device.write(x, [1])).toThrow(ShapeError);
  });

  it("copies long tensors, at any element", async () => {
    const size = 300_000;
    const x = device.tensor(Float32Array.from({ length: size }, (_, i) => i));
    const y = device.zeros([size]);
    device.copy(x, y, { from: 3, to: 1, count: size - 5 });
    const data = await y.data();
    expect([data[0], data[1], data[size - 5], data[size - 4]]).toEqual([0, 3, size - 3, 0]);
  });

  it("counts memory by label, its peak, and what it keeps for reuse", () => {
    const x = device.zeros([1000], { label: "x" });
    const y = device.zeros([10], { label: "y", dtype: "f16" });
    expect(device.stats()).toMatchObject({ live: 4032, buffers: 2, byLabel: { x: 4000, y: 32 }, peak: 4032 });
    x.dispose();
    x.dispose();
    expect(device.stats()).toMatchObject({ live: 32, buffers: 1, peak: 4032 });
    expect(device.stats().pooled).toBeGreaterThanOrEqual(4000);
    device.trim();
    expect(device.stats().pooled).toBe(0);
    device.resetPeak();
    expect(device.stats().peak).toBe(32);
    y.dispose();
  });

  it("frees what a scope made, but for its result", async () => {
    const kept = device.scope(() => {
      const a = device.full([4], 2);
      const inner = device.scope(() => ({ sum: accumulate(a, a), lost: 3 }));
      device.zeros([100]);
      return [inner.sum];
    });
    expect(device.stats().buffers).toBe(1);
    expect([...(await (kept[0] as Tensor).data())]).toEqual([4, 4, 4, 4]);
    const failing = () =>
      device.scope(() => {
        device.zeros([5]);
        throw new RangeError("mine");
      });
    expect(failing).toThrow("mine");
    expect(device.stats().buffers).toBe(1);
    expect(() => device.scope((async () => {}) as () => void)).toThrow(DeviceError);
  });

  it("shares memory between aliases until the last is gone", async () => {
    const x = device.tensor([1, 2]);
    const alias = x.alias("alias");
    x.dispose();
    expect(() => x.storage).toThrow(DisposedError);
    expect([...(await alias.data())]).toEqual([1, 2]);
    alias.dispose();
    expect(device.stats().buffers).toBe(0);
  });

  it("refuses what cannot be", async () => {
    expect(() => device.tensor([1, 2], [3])).toThrow(ShapeError);
    expect(() => device.zeros([-1])).toThrow(ShapeError);
    expect(() => device.zeros([1.5])).toThrow(ShapeError);
    expect(() => device.zeros([2], { dtype: "f64" as DType })).toThrow(ConfigError);
    expect(() => device.zeros([2 ** 40])).toThrow(LimitError);
    expect(device.stats().buffers).toBe(0);
    await expect(device.zeros([2]).item()).rejects.toThrow(ShapeError);
    if (device.info.backend === "wasm") expect(() => device.zeros([1]).gpuBuffer).toThrow(FeatureError);
  });

  it("keeps devices apart, and stops when disposed", async () => {
    using other = await openTestDevice();
    const x = device.zeros([2]);
    expect(() => accumulate(x, other.zeros([2]))).toThrow(DeviceError);
    expect(() => accumulate(x, device.zeros([2], { dtype: "f16" }))).toThrow(DtypeError);
    device.dispose();
    expect([device.disposed, other.disposed]).toEqual([true, false]);
    expect(() => device.zeros([1])).toThrow(DisposedError);
    expect(() => fill(x, 1)).toThrow(DisposedError);
    await expect(x.data()).rejects.toThrow(DisposedError);
    await expect(device.sync()).rejects.toThrow(DisposedError);
    x.dispose();
  });
});
