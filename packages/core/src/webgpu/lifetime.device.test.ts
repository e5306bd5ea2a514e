import { describe, expect, test } from "vitest";
import { Device } from "../device/device.ts";
import { DeviceLostError, DisposedError } from "../errors/index.ts";
import { Tensor } from "../tensor/tensor.ts";
import { openGPU } from "./adapter.ts";
import { WebGPUBackend } from "./backend.ts";
import { TENSOR_USAGE } from "./flags.ts";
import { mark, markCall } from "./test-utils/kernels.ts";
import { onWebGPU, openWebGPUForTest } from "./test-utils/open.ts";

async function lend(): Promise<{ gpu: GPUDevice; device: Device }> {
  const { device: gpu } = await openGPU({ allowSoftware: true }, "test");
  return { gpu, device: new Device(new WebGPUBackend(await openGPU({ gpuDevice: gpu }, "test"), {})) };
}

describe.runIf(onWebGPU)("lifetime", () => {
  test("a destroyed GPUDevice rejects what is pending and what comes later", async () => {
    const { device, gpu } = await openWebGPUForTest();
    const y = device.tensor(new Uint32Array(64).fill(1), [64], { dtype: "u32" });
    for (let i = 0; i < 200; i++) device.run(mark, markCall(y));
    const pending = [y.data(), device.sync()];
    gpu.destroy();
    for (const result of await Promise.allSettled(pending))
      expect(result).toMatchObject({ status: "rejected", reason: expect.any(DeviceLostError) });
    expect(await device.lost).toBeInstanceOf(DeviceLostError);
    await expect(y.data()).rejects.toThrow(DeviceLostError);
    await expect(device.sync()).rejects.toThrow(DeviceLostError);
    expect(() => device.run(mark, markCall(y))).toThrow(DeviceLostError);
    y.dispose();
    device.dispose();
  });

  test("dispose is silent for `lost`, and rejects what is pending", async () => {
    const { device } = await openWebGPUForTest();
    const y = device.tensor(new Uint32Array(64), [64], { dtype: "u32" });
    const pending = y.data();
    let told = false;
    void device.lost.then(() => {
      told = true;
    });
    device.dispose();
    device.dispose();
    await expect(pending).rejects.toThrow(DisposedError);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(told).toBe(false);
  });

  test("a borrowed device keeps its error handler and survives", async () => {
    const { gpu, device } = await lend();
    const heard = (): void => {};
    gpu.onuncapturederror = heard;
    expect(device.info.reason).toMatch(/passed in/);
    const y = device.tensor(new Uint32Array(64), [64], { dtype: "u32" });
    device.run(mark, markCall(y));
    expect((await y.data())[5]).toBe(5);
    device.dispose();
    expect(gpu.onuncapturederror).toBe(heard);
    const buffer = gpu.createBuffer({ size: 16, usage: TENSOR_USAGE });
    gpu.queue.writeBuffer(buffer, 0, new Uint32Array(4));
    await gpu.queue.onSubmittedWorkDone();
    gpu.destroy();
  });

  test("buffers go both ways", async () => {
    const { gpu, device } = await lend();
    const buffer = gpu.createBuffer({ size: 64, usage: TENSOR_USAGE });
    gpu.queue.writeBuffer(buffer, 0, new Uint32Array(16).fill(4));
    const y = Tensor.fromGPUBuffer(device, buffer, { shape: [16], dtype: "u32" });
    device.run(mark, markCall(y));
    const copy = gpu.createBuffer({ size: 64, usage: TENSOR_USAGE });
    const encoder = gpu.createCommandEncoder();
    // Taking `gpuBuffer` sends the launch above, so this copy sees it.
    encoder.copyBufferToBuffer(y.gpuBuffer, 0, copy, 0, 64);
    gpu.queue.submit([encoder.finish()]);
    const z = Tensor.fromGPUBuffer(device, copy, { shape: [4, 4], dtype: "u32", own: true });
    expect((await z.data())[3]).toBe(11);
    y.dispose();
    z.dispose();
    gpu.queue.writeBuffer(buffer, 0, new Uint32Array(16)); // still there
    expect(() => Tensor.fromGPUBuffer(device, buffer, { shape: [17] })).toThrow(/needs 80 bytes/);
    device.dispose();
    await gpu.queue.onSubmittedWorkDone();
    gpu.destroy();
  });

  test("a software adapter is refused unless it is allowed", async () => {
    const { device } = await openWebGPUForTest();
    if (device.info.software) {
      await expect(openGPU({}, "test")).rejects.toThrow(/software .*slower than WebAssembly[\s\S]*allowSoftware/);
    }
    device.dispose();
  });
});
