import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { first, multiply } from "../autograd/test-utils/ops.ts";
import { valueAndGrad } from "../autograd/value-and-grad.ts";
import { ConfigError, DeviceError, DilatedError, DisposedError, DtypeError, ShapeError } from "../errors/index.ts";
import { fill } from "../ops/fill.ts";
import type { HostNumbers } from "../tensor/encoding.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Device } from "./device.ts";

let device: Device;
let other: Device;
beforeAll(async () => {
  [device, other] = [await openTestDevice(), await openTestDevice()];
});
afterAll(() => {
  device.dispose();
  other.dispose();
});

describe("numbers from the host", () => {
  const integers = ["i32", "u32"] as const;
  const wrong: [string, unknown][] = [
    ["a fraction", [1, 2.5]],
    ["NaN", [1, Number.NaN]],
    ["infinity", Float32Array.of(1, Number.POSITIVE_INFINITY)],
    ["2^32", [1, 2 ** 32]],
    ["a number below the range", Float64Array.of(1, -(2 ** 31) - 1)],
    ["a BigInt out of range", BigInt64Array.of(1n, 2n ** 40n)],
    ["a hole", [1, undefined]],
    ["a text", [1, "2"]],
    ["a BigInt in an array", [1, 2n]],
  ];
  it.each(wrong)("%s goes into no integer tensor, and nothing is leaked", (_, values) => {
    const before = device.stats().live;
    for (const dtype of integers) {
      expect(() => device.tensor(values as number[], [2], { dtype })).toThrow(DtypeError);
      expect(() => device.tensor(values as number[], [2], { dtype })).toThrow(/element 1 is .*cannot hold/);
      using there = device.zeros([2], { dtype });
      expect(() => device.write(there, values as number[])).toThrow(DtypeError);
      const value = (values as number[])[1] as number;
      expect(() => fill(there, value)).toThrow(DtypeError);
      expect(() => device.full([2], value, { dtype })).toThrow(DtypeError);
    }
    expect(device.stats().live).toBe(before);
  });

  it.each([
    ["i32", [-(2 ** 31), -0, 2 ** 31 - 1]],
    ["i32", BigInt64Array.of(-(2n ** 31n), 0n, 2n ** 31n - 1n)],
    ["i32", Uint32Array.of(0, 7, 2 ** 31 - 1)],
    ["u32", [0, 7, 2 ** 32 - 1]],
    ["u32", BigUint64Array.of(0n, 7n, 2n ** 32n - 1n)],
    ["u32", Uint8Array.of(0, 7, 255)],
  ] as const)("%s takes what it can hold, exactly", async (dtype, values) => {
    using x = device.tensor(values as HostNumbers, undefined, { dtype });
    expect([...(await x.data())]).toEqual(Array.from(values as ArrayLike<number | bigint>, (v) => Number(v) + 0));
  });

  it("i32 becomes u32 where a value needs it, and only then", async () => {
    for (const values of [[3e9, 1], BigInt64Array.of(3_000_000_000n, 1n), Uint32Array.of(3e9, 1)]) {
      using x = device.tensor(values, [2], { dtype: "i32" });
      expect([x.dtype, ...(await x.data())]).toEqual(["u32", 3e9, 1]);
    }
    expect(() => device.tensor([3e9, -1], [2], { dtype: "i32" })).toThrow(/element 1 is -1, which u32 cannot hold/);
    using there = device.zeros([1], { dtype: "i32" });
    expect(() => device.write(there, [3e9])).toThrow(/element 0 is 3000000000, which i32 cannot hold/);
  });

  it("says what to do with nested arrays and other things that are no list", () => {
    const nested = [[1, 2], [3, 4]] as never; // biome-ignore format: as people write it
    expect(() => device.tensor(nested)).toThrow(ShapeError);
    expect(() => device.tensor(nested)).toThrow(/one flat list[\s\S]*values\.flat\(Infinity\)/);
    for (const dtype of ["f32", "f16", "i32"] as const)
      expect(() => device.tensor(nested, [2], { dtype })).toThrow(ShapeError);
    for (const given of [undefined, null, 3, "12", { length: 2 }, new ArrayBuffer(8), [true], [null]])
      expect(() => device.tensor(given as never)).toThrow(DtypeError);
    expect(() => device.tensor(BigInt64Array.of(1n))).toThrow(DtypeError);
  });
});

describe("write and copy", () => {
  it("refuse tensors of another device, disposed ones, and what is no tensor", () => {
    const [x, foreign, gone] = [device.zeros([4]), other.zeros([4]), device.zeros([4])];
    gone.dispose();
    expect(() => device.write(foreign, [1, 2, 3, 4])).toThrow(DeviceError);
    expect(() => device.write(gone, [1, 2, 3, 4])).toThrow(DisposedError);
    expect(() => device.write([0, 0, 0, 0] as never, [1, 2, 3, 4])).toThrow(DtypeError);
    for (const [from, to, error] of [
      [x, foreign, DeviceError],
      [foreign, x, DeviceError],
      [x, gone, DisposedError],
      [gone, x, DisposedError],
      [undefined, x, DtypeError],
    ] as const)
      expect(() => device.copy(from as never, to as never)).toThrow(error);
  });

  it.each([{ count: 1.5 }, { count: -4 }, { count: Number.NaN }, { count: 5 }, { to: 0.25 }, { from: -1 }, { to: 1 }])(
    "refuse the window %j",
    async (window) => {
      const [x, y] = [device.tensor([1, 2, 3, 4]), device.zeros([4])];
      expect(() => device.copy(x, y, window)).toThrow(DilatedError);
      expect([...(await y.data())]).toEqual([0, 0, 0, 0]);
    },
  );
});

describe("a tensor that is written between forward and backward", () => {
  it.each([
    ["write", (x) => device.write(x, [5, 5])],
    ["copy", (x) => device.copy(device.tensor([5, 5]), x)],
    ["a kernel", (x) => fill(x, 5)],
  ] as [string, (x: Tensor) => void][])("by %s is an error that names the op", (_, change) => {
    const x = device.tensor([1, 2]);
    const live = device.stats().live;
    const work = () => {
      const y = first(multiply(x, x));
      change(x);
      return y;
    };
    expect(() => valueAndGrad(x, work)).toThrow(ConfigError);
    expect(() => valueAndGrad(x, work)).toThrow(/^multiply: a tensor that its backward pass needs was written/);
    expect(device.stats().live - live).toBeLessThan(64);
  });
});
