import { create } from "webgpu";

/** Must outlive the process's last use of it. */
let gpu: GPU | undefined;

/** A GPUDevice of Dawn in Node for `openDevice({ gpuDevice })`, for tests that break it. */
export async function lentDevice(): Promise<GPUDevice> {
  gpu ??= create([]);
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error("lentDevice: Dawn finds no adapter");
  const { maxStorageBuffersPerShaderStage } = adapter.limits;
  return adapter.requestDevice({ requiredLimits: { maxStorageBuffersPerShaderStage } });
}
