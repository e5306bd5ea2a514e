import { describe, expect, test } from "vitest";
import { OutOfMemoryError } from "../errors/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { axpy, mark, markCall } from "./test-utils/kernels.ts";
import { onWebGPU, openWebGPUForTest } from "./test-utils/open.ts";

describe.runIf(onWebGPU)("memory", () => {
  test("the pool is reused, capped and trimmed", async () => {
    const { device } = await openWebGPUForTest({ poolBytes: 4096 });
    const tensors = Array.from({ length: 4 }, () => device.tensor(new Uint32Array(512), [512], { dtype: "u32" }));
    for (const tensor of tensors) {
      device.run(mark, markCall(tensor));
      tensor.dispose();
    }
    expect(device.stats()).toMatchObject({ live: 0, pooled: 4096 });
    // Two of the buffers were destroyed while launches that use them were not sent yet.
    await device.sync();
    device.trim();
    expect(device.stats().pooled).toBe(0);
    device.dispose();
  });

  test("over the budget throws before any work", async () => {
    const { device } = await openWebGPUForTest({ memoryBudget: 2 ** 20 });
    const kept = device.empty([200_000]);
    expect(() => device.empty([100_000])).toThrow(OutOfMemoryError);
    kept.dispose();
    expect(() => device.empty([100_000])).not.toThrow();
    device.dispose();
  });

  test("steps that do the same make no new bind groups, in whichever order their tensors end", async () => {
    const { device, backend } = await openWebGPUForTest();
    const step = (order: readonly number[]) => {
      const [x, y, z] = [1, 2, 3].map((value) => device.tensor([value, value, value, value], [4])) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      for (const to of [y, z])
        device.run(axpy, { tensors: { x, y: to }, scalars: { a: 2, count: 1 }, groups: 1, items: 0 });
      for (const i of order) [x, y, z][i]?.dispose();
    };
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [2, 0, 1],
    ])
      step(order);
    expect(backend.counters.bindGroups).toBe(2);
    await device.sync();
    device.dispose();
  });

  test("bind groups go with their buffers", async () => {
    const { device, backend } = await openWebGPUForTest();
    for (let i = 0; i < 10; i++) {
      const y = device.tensor(new Uint32Array(64 << (i % 5)), [64 << (i % 5)], { dtype: "u32" });
      device.run(mark, markCall(y));
      y.dispose();
    }
    expect(backend.counters.bindGroups).toBe(5);
    device.trim();
    expect(backend.counters.bindGroups).toBe(0);
    await device.sync();
    device.dispose();
  });
});
