import { openTestDevice } from "@dilated-internal/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device } from "../device/device.ts";
import { DtypeError, ShapeError } from "../errors/index.ts";
import type { DType } from "../tensor/dtype.ts";
import { f16ToF32, f32ToF16 } from "../tensor/float16.ts";
import { accumulate } from "./accumulate.ts";
import { cast } from "./cast.ts";
import { fill } from "./fill.ts";

const ramp = (length: number, step = 1) => Float32Array.from({ length }, (_, i) => i * step);

describe("built-in ops", () => {
  let device: Device;
  /** One binding holds 256 f32: everything longer runs in windows. */
  let windowed: Device;
  beforeAll(async () => {
    device = await openTestDevice();
    windowed = await openTestDevice({ maxBindingBytes: 1024 });
  });
  afterAll(() => {
    device.dispose();
    windowed.dispose();
  });

  describe("fill", () => {
    const cases: [DType, number, number][] = [
      ["f32", 0.1, Math.fround(0.1)],
      ["f32", -1e-30, Math.fround(-1e-30)],
      ["f16", -2.5, -2.5],
      ["i32", -7, -7],
      ["i32", -(2 ** 31), -(2 ** 31)],
      ["u32", 2 ** 32 - 1, 2 ** 32 - 1],
    ];
    it.each(cases)("%s with %f", async (dtype, value, stored) => {
      for (const size of [1, 3, 4, 1025, 5000]) {
        using x = device.full([size], value, { dtype });
        expect([...new Set(await x.data())]).toEqual([stored]);
      }
    });

    it("leaves an empty tensor alone, and works in windows", async () => {
      using none = device.zeros([0, 3]);
      expect((await none.data()).length).toBe(0);
      using x = fill(windowed.empty([1001]), 4);
      expect((await x.data()).every((value) => value === 4)).toBe(true);
    });
  });

  describe.each(["f32", "f16"] as const)("accumulate %s", (dtype) => {
    it.each([1, 5, 1000, 9001])("adds %i elements", async (size) => {
      for (const on of [device, windowed]) {
        using a = on.tensor(ramp(size, 1 / 8), [size], { dtype });
        using b = on.tensor(ramp(size, 2), [size], { dtype });
        using sum = accumulate(a, b);
        const parts = [await a.data(), await b.data()] as const;
        const exact = parts[0].map((value, i) => value + (parts[1][i] as number));
        if (dtype === "f32") expect(await sum.data()).toEqual(exact);
        else
          expect(
            (await sum.data()).every(
              (value, i) => Math.abs(value - (exact[i] as number)) <= (exact[i] as number) / 1024,
            ),
          ).toBe(true);
      }
    });

    it("adds in place, whichever operand is the target", async () => {
      const make = () =>
        [device.tensor([1, 2, 3], [3], { dtype }), device.tensor([10, 20, 30], [3], { dtype })] as const;
      const [a, b] = make();
      expect(accumulate(a, b, a)).toBe(a);
      expect([...(await a.data())]).toEqual([11, 22, 33]);
      accumulate(a, b, b);
      expect([...(await b.data())]).toEqual([21, 42, 63]);
      accumulate(a, a, a);
      expect([...(await a.data())]).toEqual([22, 44, 66]);
      using c = device.empty([3], { dtype });
      accumulate(a, a, c);
      expect([...(await c.data())]).toEqual([44, 88, 132]);
    });
  });

  it("accumulate refuses what does not fit", () => {
    expect(() => accumulate(device.zeros([2]), device.zeros([3]))).toThrow(ShapeError);
    expect(() => accumulate(device.zeros([2]), device.zeros([2], { dtype: "f16" }))).toThrow(DtypeError);
    expect(() => accumulate(device.zeros([2], { dtype: "i32" }), device.zeros([2], { dtype: "i32" }))).toThrow(
      /f32 and f16/,
    );
  });

  describe("cast", () => {
    it("widens every half exactly", async () => {
      const words = Uint16Array.from({ length: 65_536 }, (_, i) => i);
      using half = device.tensor(words, [words.length], { dtype: "f16" });
      using wide = cast(half, "f32");
      expect(await wide.data()).toEqual(f16ToF32(words));
    });

    it("narrows to nearest even: ties, subnormals, overflow, NaN, random bits", async () => {
      const bits = new Uint32Array(20_003);
      let state = 1;
      for (let i = 0; i < bits.length; i++) bits[i] = state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      // Exponents where halves are normal or subnormal, and the ties between neighbours.
      for (let i = 0; i < 8_000; i++)
        bits[i] = (((bits[i] as number) & 0x80001fff) | ((0x32000000 + i * 0xb000) & 0x7fffe000)) >>> 0;
      for (let i = 0; i < 8_000; i += 2) bits[i] = (((bits[i] as number) & 0xffffe000) | 0x1000) >>> 0;
      const values = new Float32Array(bits.buffer);
      values.set([
        0,
        -0,
        65504,
        65519.99,
        65520,
        2 ** -25,
        2 ** -25 * 1.0001,
        2 ** -24 * 1.5,
        2 ** -14,
        Infinity,
        -Infinity,
        NaN,
        1e-45,
      ]);
      const expected = f32ToF16(values);
      for (const on of [device, windowed]) {
        using x = on.tensor(values);
        using half = cast(x, "f16");
        const found = new Uint16Array((await half.bytes()).slice().buffer);
        expect([...found].filter((word, i) => word !== expected[i] && !Number.isNaN(values[i]))).toEqual([]);
      }
    });

    it("converts integers by truncation", async () => {
      using x = device.tensor([1.9, -1.9, 3e9, -5e9, 2 ** 31]);
      expect([...(await cast(x, "i32").data())]).toEqual([1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1]);
      expect([...(await cast(x, "u32").data())].slice(0, 3)).toEqual([1, 0, 3e9]);
      using i = device.tensor([-3, 2 ** 24], [2], { dtype: "i32" });
      expect([...(await cast(i, "f32").data())]).toEqual([-3, 2 ** 24]);
      expect([...(await cast(i, "f16").data())]).toEqual([-3, Infinity]);
      expect([...(await cast(i, "u32").data())]).toEqual([2 ** 32 - 3, 2 ** 24]);
      using h = device.tensor([2.75, -8], [2], { dtype: "f16" });
      expect([...(await cast(h, "i32").data())]).toEqual([2, -8]);
    });

    it("to its own dtype is another handle on the value", async () => {
      const x = device.tensor([1, 2]);
      const same = cast(x, "f32");
      x.dispose();
      expect([...(await same.data())]).toEqual([1, 2]);
      expect(() => cast(same, "f64" as DType)).toThrow(DtypeError);
    });
  });
});
