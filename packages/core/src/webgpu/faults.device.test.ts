import { describe, expect, test } from "vitest";
import { DeviceError, FeatureError, ShaderError } from "../errors/index.ts";
import { defineKernel } from "../kernel/define.ts";
import { mark, markCall } from "./test-utils/kernels.ts";
import { onWebGPU, openWebGPUForTest } from "./test-utils/open.ts";

const broken = defineKernel({
  name: "broken",
  tensors: { y: { access: "write", view: "scalar" } },
  scalars: { count: "u32" },
  wgsl: { source: "@compute @workgroup_size(64)\nfn main() {\n  store_y(0u, params.count);\n}" },
});

describe.runIf(onWebGPU)("faults", () => {
  test("a kernel that does not compile rejects the next read, with line, column and source", async () => {
    const { device } = await openWebGPUForTest();
    const y = device.tensor([1, 2, 3, 4]);
    device.run(broken, { tensors: { y }, scalars: { count: 1 }, groups: 1, items: 0 });
    const error = await y.data().catch((e) => e);
    expect(error).toBeInstanceOf(ShaderError);
    expect(error.message).toMatch(/kernel "broken"[\s\S]*\d+:\d+ error: [\s\S]*store_y\(0u, params\.count\);/);
    // It was told once; the device goes on.
    expect([...(await y.data())]).toEqual([1, 2, 3, 4]);
    device.dispose();
  });

  test("warmup rejects with the same, and leaves nothing in the cache", async () => {
    const { device, backend } = await openWebGPUForTest();
    const y = device.tensor([1, 2, 3, 4]);
    const call = { tensors: { y }, scalars: { count: 1 }, groups: 1, items: 0 };
    await expect(device.warmup(() => device.run(broken, call))).rejects.toThrow(/\d+:\d+ error/);
    expect(backend.counters.pipelines).toBe(0);
    await device.sync();
    device.dispose();
  });

  test("every read that was waiting when a fault struck rejects", async () => {
    const { device } = await openWebGPUForTest();
    const y = device.tensor([1, 2, 3, 4]);
    device.run(broken, { tensors: { y }, scalars: { count: 1 }, groups: 1, items: 0 });
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
