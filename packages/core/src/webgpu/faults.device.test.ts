import { describe, expect, test } from "vitest";
import { DeviceError, FeatureError, OutOfMemoryError, ShaderError } from "../errors/index.ts";
import { defineKernel } from "../kernel/define.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { axpy, mark, markCall } from "./test-utils/kernels.ts";
import { onWebGPU, openWebGPUForTest } from "./test-utils/open.ts";

const broken = defineKernel({
  name: "broken",
  tensors: { y: { access: "write", view: "scalar" } },
  scalars: { count: "u32" },
  wgsl: { source: "@compute @workgroup_size(64)\nfn main() {\n  store_y(0u, params.count);\n}" },
});

const brokenCall = (y: Tensor) => ({ tensors: { y }, scalars: { count: 1 }, groups: 1, items: 0 });
type Tensors = [Tensor, Tensor, Tensor];

describe.runIf(onWebGPU)("faults", () => {
  test("a kernel that does not compile fails what it writes, with line, column and source, and whatever is made of that", async () => {
    const { device } = await openWebGPUForTest();
    const [before, x, y] = [7, 8, 9].map((value) => device.tensor([value, value, value, value])) as Tensors;
    device.run(broken, brokenCall(y));
    const after = device.tensor([1, 2, 3, 4]);
    device.run(axpy, { tensors: { x: y, y: after }, scalars: { a: 1, count: 1 }, groups: 1, items: 0 });
    device.run(axpy, { tensors: { x, y: before }, scalars: { a: 1, count: 1 }, groups: 1, items: 0 });
    const copied = device.empty([4]);
    device.copy(after, copied);
    expect([...(await before.data())]).toEqual([15, 15, 15, 15]);
    const error = await copied.data().catch((e) => e);
    expect(error).toBeInstanceOf(ShaderError);
    expect(error.message).toMatch(/kernel "broken"[\s\S]*\d+:\d+ error: [\s\S]*store_y\(0u, params\.count\);/);
    // It was told, and stays true, for what is queued from now on, too.
    await device.sync();
    device.run(axpy, { tensors: { x: y, y: x }, scalars: { a: 1, count: 1 }, groups: 1, items: 0 });
    for (const failed of [y, after, copied, x]) await expect(failed.data()).rejects.toBe(error);
    expect([...(await before.data())]).toEqual([15, 15, 15, 15]);
    // What is written anew is good again.
    device.write(y, [1, 2, 3, 4]);
    expect([...(await y.data())]).toEqual([1, 2, 3, 4]);
    device.dispose();
  });

  test("a buffer that somebody destroys fails what uses it, and nothing that was queued beside", async () => {
    const { device } = await openWebGPUForTest();
    const [x, y, z] = [1, 2, 3].map((value) => device.tensor([value, value, value, value])) as Tensors;
    const add = (from: Tensor, to: Tensor) =>
      device.run(axpy, { tensors: { x: from, y: to }, scalars: { a: 1, count: 1 }, groups: 1, items: 0 });
    add(x, z);
    await device.sync();
    y.gpuBuffer.destroy();
    add(x, z);
    add(y, x);
    device.write(y, [5, 5, 5, 5]);
    const other = device.tensor(new Float32Array(40_000).fill(4)); // goes through a staging buffer
    add(z, other);
    expect([...(await z.data())]).toEqual([5, 5, 5, 5]);
    expect((await other.data()).subarray(0, 5)).toEqual(Float32Array.of(9, 9, 9, 9, 4));
    for (const failed of [x, y]) await expect(failed.data()).rejects.toThrow(/destroyed/);
    y.dispose();
    const again = device.tensor([6, 6, 6, 6]); // of the same size, and not in that buffer
    expect([...(await again.data())]).toEqual([6, 6, 6, 6]);
    device.dispose();
  });

  test.each([0, 1, 2])(
    "when the GPU has no room for buffer %i, what needs it fails, and the rest and the next try do not",
    async (bad) => {
      const { device, gpu } = await openWebGPUForTest();
      const first = device.tensor([1, 2, 3, 4]);
      await device.sync();
      const create = gpu.createBuffer.bind(gpu);
      let count = 0;
      gpu.createBuffer = (descriptor) => {
        if (descriptor.label !== "dilated tensor" || count++ !== bad) return create(descriptor);
        return create({ ...descriptor, size: 2 ** 46 });
      };
      const chain = () => {
        const [a, b, c] = [device.full([64], 1), device.full([64], 2), device.full([64], 3)] as Tensors;
        device.run(axpy, { tensors: { x: a, y: b }, scalars: { a: 1, count: 16 }, groups: 1, items: 0 });
        return [a, b, c];
      };
      const tensors = chain();
      const results = await Promise.allSettled(tensors.map((tensor) => tensor.data()));
      const failed = [[0, 1], [1], [2]][bad] as number[];
      results.forEach((result, i) => {
        if (!failed.includes(i)) expect(result).toMatchObject({ status: "fulfilled" });
        else expect(result).toMatchObject({ status: "rejected", reason: expect.any(OutOfMemoryError) });
      });
      expect([...(await first.data())]).toEqual([1, 2, 3, 4]);
      for (const tensor of tensors) tensor.dispose();
      expect(device.stats().live).toBe(16);
      for (const tensor of chain()) await tensor.data();
      await device.sync();
      device.dispose();
    },
  );

  test("work that throws in a profile takes its faults along", async () => {
    const { device } = await openWebGPUForTest();
    const x = device.tensor([1, 2, 3, 4]);
    const y = device.tensor([1, 2, 3, 4]);
    const profiled = device.profile(() => {
      device.run(broken, brokenCall(y));
      throw new Error("the caller's own");
    });
    await expect(profiled).rejects.toThrow("the caller's own");
    expect([...(await x.data())]).toEqual([1, 2, 3, 4]);
    await device.sync();
    device.run(broken, brokenCall(y));
    const { value } = await device.profile(async () => [...(await x.data())]);
    expect(value).toEqual([1, 2, 3, 4]);
    device.dispose();
  });

  test("warmup rejects with the same, and leaves nothing in the cache", async () => {
    const { device, backend } = await openWebGPUForTest();
    const y = device.tensor([1, 2, 3, 4]);
    await expect(device.warmup(() => device.run(broken, brokenCall(y)))).rejects.toThrow(/\d+:\d+ error/);
    expect(backend.counters.pipelines).toBe(0);
    await device.sync();
    device.dispose();
  });

  test("every read that was waiting when a fault struck rejects", async () => {
    const { device } = await openWebGPUForTest();
    const y = device.tensor([1, 2, 3, 4]);
    device.run(broken, brokenCall(y));
    const results = await Promise.allSettled([y.data(), y.data(), device.sync()]);
    expect(results.map((r) => r.status)).toEqual(["rejected", "rejected", "rejected"]);
    device.dispose();
  });

  test("a validation error of WebGPU is not lost", async () => {
    const { device } = await openWebGPUForTest();
    const y = device.tensor(new Uint32Array(64), [64], { dtype: "u32" });
    device.run(mark, markCall(y));
    y.gpuBuffer.destroy();
    device.run(mark, markCall(y));
    const error = await device.sync().catch((e) => e);
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toMatch(/destroyed/);
    device.dispose();
  });

  test("a feature that the device lacks is named before anything runs", async () => {
    const { device } = await openWebGPUForTest({ tier: "baseline" });
    expect(device.info).toMatchObject({ tier: "baseline", software: expect.any(Boolean) });
    const kernel = defineKernel({
      name: "needy",
      tensors: {},
      scalars: {},
      wgsl: { source: "", features: ["subgroups"] },
    });
    expect(() => device.run(kernel, { tensors: {}, scalars: {}, groups: 1, items: 0 })).toThrow(FeatureError);
    device.dispose();
  });
});
