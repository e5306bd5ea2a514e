import { describe, expect, test } from "vitest";
import { MAX_GROUPS_PER_AXIS } from "./dispatch.ts";
import { BATCH } from "./encoder.ts";
import { axpy, mark, markCall } from "./test-utils/kernels.ts";
import { onWebGPU, openWebGPUForTest } from "./test-utils/open.ts";

describe.runIf(onWebGPU)("run", () => {
  test.each(["f32", "f16"] as const)("%s in place, with and without an optional tensor", async (dtype) => {
    const { device } = await openWebGPUForTest();
    const x = device.tensor([1, 2, 3, 4, 5], [5], { dtype });
    const y = device.tensor([10, 20, 30, 40, 50], [5], { dtype });
    device.run(axpy, { tensors: { x, y }, scalars: { a: 2, count: 2 }, groups: 1, items: 0 });
    device.run(axpy, { tensors: { x, bias: x, y }, scalars: { a: 0.5, count: 2 }, groups: 1, items: 0 });
    expect([...(await y.data())]).toEqual([13.5, 27, 40.5, 54, 67.5]);
    device.dispose();
  });

  test("1,000 launches run in order, in few submissions, with one bind group", async () => {
    const { device, backend } = await openWebGPUForTest();
    const y = device.tensor(new Uint32Array(100), [100], { dtype: "u32" });
    for (let i = 0; i < 1000; i++) device.run(mark, markCall(y));
    const last = (await y.data())[99];
    let want = 0;
    for (let i = 0; i < 1000; i++) want = (2 * want + 99) % 2 ** 32;
    expect(last).toBe(want);
    expect(backend.counters).toMatchObject({
      submissions: 3 + Math.ceil((1000 - 8 - 16 - 32) / BATCH),
      bindGroups: 1,
      pipelines: 1,
    });
    device.dispose();
  });

  test("behind a wait the first submission is a small one again", async () => {
    const { device, backend } = await openWebGPUForTest();
    const y = device.tensor(new Uint32Array(100), [100], { dtype: "u32" });
    for (let i = 0; i < 200; i++) device.run(mark, markCall(y));
    await y.data();
    const before = backend.counters.submissions;
    for (let i = 0; i < 24; i++) device.run(mark, markCall(y));
    expect(backend.counters.submissions).toBe(before + 1);
    device.dispose();
  });

  test("more groups than one axis holds", async () => {
    const { device } = await openWebGPUForTest();
    const size = (MAX_GROUPS_PER_AXIS + 10) * 64 - 7;
    const y = device.tensor(new Uint32Array(size).fill(1), [size], { dtype: "u32" });
    device.run(mark, markCall(y));
    const data = await y.data();
    expect(data.every((value, i) => value === i + 2)).toBe(true);
    device.dispose();
  });

  test("a long launch is cut in submissions of its own, with the same result", async () => {
    const { device, backend } = await openWebGPUForTest();
    const y = device.tensor(new Uint32Array(6400), [6400], { dtype: "u32" });
    device.run(mark, markCall(y, 1e15));
    expect(backend.counters.submissions).toBeGreaterThanOrEqual(100);
    expect((await y.data()).every((value, i) => value === i)).toBe(true);
    device.dispose();
  });

  test("windows: a tensor longer than one binding", async () => {
    const { device } = await openWebGPUForTest({ maxBindingBytes: 1024 });
    expect(device.limits.maxBindingBytes).toBe(1024);
    const y = device.tensor(new Uint32Array(1000).fill(5), [1000], { dtype: "u32" });
    expect(() => device.run(mark, markCall(y))).toThrow(/longer than one binding/);
    for (let offset = 0; offset < 1000; offset += 256) {
      const length = Math.min(256, 1000 - offset);
      device.run(mark, { ...markCall(y), tensors: { y: { tensor: y, offset, length } }, scalars: { count: length } });
    }
    expect((await y.data()).every((value, i) => value === 10 + (i % 256))).toBe(true);
    device.dispose();
  });

  test("one buffer bound to be read and written is a typed error", async () => {
    const { device } = await openWebGPUForTest();
    const y = device.tensor([1, 2, 3, 4]);
    const call = { tensors: { x: y, y }, scalars: { a: 1, count: 1 }, groups: 1, items: 0 };
    expect(() => device.run(axpy, call)).toThrow(/"x" and "y" are one buffer/);
    device.dispose();
  });

  test("warmup compiles once, however often it is asked", async () => {
    const { device, backend } = await openWebGPUForTest();
    const y = device.tensor(new Uint32Array(64), [64], { dtype: "u32" });
    const twice = () => {
      device.write(y, new Uint32Array(64).fill(7));
      device.run(mark, markCall(y));
      device.run(mark, markCall(y));
    };
    await Promise.all([1, 2, 3].map(() => device.warmup(twice)));
    expect((await y.data())[63]).toBe(0); // nothing ran
    device.run(mark, markCall(y));
    expect((await y.data())[63]).toBe(63);
    expect(backend.counters.pipelines).toBe(1);
    device.dispose();
  });
});
