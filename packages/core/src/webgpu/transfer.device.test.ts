import { describe, expect, test } from "vitest";
import type { Tensor } from "../tensor/tensor.ts";
import { mark, markCall } from "./test-utils/kernels.ts";
import { onWebGPU, openWebGPUForTest } from "./test-utils/open.ts";

describe.runIf(onWebGPU)("transfer", () => {
  test.each([4, 20_000, 400_000, 5_000_000])("%d words go up and come back", async (size) => {
    const { device } = await openWebGPUForTest();
    const words = Uint32Array.from({ length: size }, (_, i) => Math.imul(i, 2_654_435_761));
    const back = await device.tensor(words, [size], { dtype: "u32" }).data();
    expect(back.length === size && back.every((word, i) => word === words[i])).toBe(true);
    device.dispose();
  });

  test.each([10, 40_000])("an upload of %d words keeps its place between launches", async (size) => {
    const { device } = await openWebGPUForTest();
    const y = device.tensor(new Uint32Array(size).fill(1), [size], { dtype: "u32" });
    device.run(mark, markCall(y));
    device.write(y, new Uint32Array(size).fill(7));
    device.run(mark, markCall(y));
    const first = y.data();
    device.run(mark, markCall(y));
    expect((await first)[9]).toBe(2 * 7 + 9);
    expect((await y.data())[9]).toBe(2 * (2 * 7 + 9) + 9);
    device.dispose();
  });

  test("a released buffer may be reused before its work is done", async () => {
    const { device } = await openWebGPUForTest();
    const a = device.tensor(new Uint32Array(64).fill(3), [64], { dtype: "u32" });
    const kept = device.empty([64], { dtype: "u32" });
    device.run(mark, markCall(a));
    device.copy(a, kept);
    a.dispose();
    const b = device.tensor(new Uint32Array(64).fill(9), [64], { dtype: "u32" });
    expect([(await kept.data())[1], (await b.data())[1]]).toEqual([7, 9]);
    device.dispose();
  });

  test("odd numbers of f16", async () => {
    const { device } = await openWebGPUForTest();
    const half = device.tensor([1, 2, 3, 4, 5, 6, 7], [7], { dtype: "f16" });
    expect([...(await half.data())]).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const target = device.tensor([0, 0, 0, 0, 0, 0, 0], [7], { dtype: "f16" });
    device.copy(half, target, { from: 1, to: 2, count: 3 });
    expect([...(await target.data())]).toEqual([0, 0, 2, 3, 4, 0, 0]);
    device.copy(half, target, { from: 4, to: 1, count: 1 });
    device.copy(target, target, { from: 2, to: 5, count: 2 });
    expect([...(await target.data())]).toEqual([0, 5, 2, 3, 4, 2, 3]);
    device.dispose();
  });

  test("unaligned copies longer than one binding", async () => {
    const { device } = await openWebGPUForTest({ maxBindingBytes: 512 });
    const values = Float32Array.from({ length: 1501 }, (_, i) => i);
    const from = device.tensor(values, [1501], { dtype: "f16" });
    const to = device.tensor(new Float32Array(1501), [1501], { dtype: "f16" });
    device.copy(from, to, { from: 1, to: 0, count: 1500 });
    const data = await to.data();
    expect(data.every((value, i) => value === (i < 1500 ? i + 1 : 0))).toBe(true);
    device.dispose();
  });

  test("empty tensors", async () => {
    const { device } = await openWebGPUForTest();
    const none = device.tensor([], [0, 4]);
    expect(await none.data()).toHaveLength(0);
    device.run(mark, markCall(device.empty([0], { dtype: "u32" })));
    await device.sync();
    device.dispose();
  });

  test("a long read is not disturbed by what is queued after it, whatever that is", async () => {
    const readChunk = 2 ** 16;
    const { device } = await openWebGPUForTest({}, { readChunk });
    const size = (readChunk * 6.5) / 4; // more chunks than are on their way at once
    const disturb = [
      () => {},
      (y: Tensor) => device.run(mark, markCall(y)),
      (y: Tensor) => device.write(y, new Uint32Array(size)),
      (y: Tensor) => device.copy(device.empty([size], { dtype: "u32" }), y),
      (y: Tensor) => {
        y.dispose();
        device.trim();
      },
    ];
    for (const change of disturb) {
      device.trim();
      const y = device.tensor(new Uint32Array(size).fill(7), [size], { dtype: "u32" });
      const pending = y.data();
      change(y);
      const words = await pending;
      expect([words[0], words[size - 1], words.length]).toEqual([7, 7, size]);
      y.dispose();
    }
    device.dispose();
  });

  test("staging does not grow without bound, and trim empties it", async () => {
    const { device, backend } = await openWebGPUForTest();
    const y = device.empty([1_000_000], { dtype: "u32" });
    const words = new Uint32Array(1_000_000);
    for (let i = 0; i < 20; i++) {
      device.write(y, words);
      await device.sync();
    }
    expect(backend.counters.stagingBytes).toBeLessThanOrEqual(8 * 2 ** 20);
    device.trim();
    expect(backend.counters.stagingBytes).toBe(0);
    device.dispose();
  });
});
