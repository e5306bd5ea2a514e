import type { DeviceLimits } from "../device/backend.ts";
import type { OpenDeviceOptions } from "../device/options.ts";
import { ConfigError } from "../errors/index.ts";

/** Windows start at multiples of this on every WebGPU device. */
const OFFSET_ALIGN = 256;

/** The sizes of a device, as kernels see them. Bindings are cut to whole aligned windows. */
export function limitsOf(device: GPUDevice, options: OpenDeviceOptions): DeviceLimits {
  const { limits } = device;
  const binding = Math.min(
    options.maxBindingBytes ?? Number.POSITIVE_INFINITY,
    limits.maxStorageBufferBindingSize,
    limits.maxBufferSize,
  );
  if (binding < OFFSET_ALIGN)
    throw new ConfigError(`openDevice: maxBindingBytes ${options.maxBindingBytes} is too small`, {
      fix: `at least ${OFFSET_ALIGN}`,
    });
  return {
    maxBindingBytes: Math.floor(binding / OFFSET_ALIGN) * OFFSET_ALIGN,
    maxTensorBytes: Math.floor(limits.maxBufferSize / OFFSET_ALIGN) * OFFSET_ALIGN,
    offsetAlign: OFFSET_ALIGN,
    maxWorkgroupMemory: limits.maxComputeWorkgroupStorageSize,
    maxWorkgroupSize: limits.maxComputeInvocationsPerWorkgroup,
    maxKernelTensors: limits.maxStorageBuffersPerShaderStage,
  };
}
