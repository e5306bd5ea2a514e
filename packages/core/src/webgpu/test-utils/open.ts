import type { TestBackend } from "@dilated-internal/testing";
import { inject } from "vitest";
import { Device } from "../../device/device.ts";
import type { OpenDeviceOptions } from "../../device/options.ts";
import { openGPU } from "../adapter.ts";
import { WebGPUBackend } from "../backend.ts";

/** A WebGPU device with the parts underneath, for tests that look inside. Software adapters will do. */
export async function openWebGPUForTest(
  options: OpenDeviceOptions = {},
  tuning: { readonly readChunk?: number } = {},
): Promise<{ device: Device; backend: WebGPUBackend; gpu: GPUDevice }> {
  const opened = await openGPU({ allowSoftware: true, ...options }, "test");
  const backend = new WebGPUBackend(opened, options, tuning);
  return { device: new Device(backend), backend, gpu: opened.device };
}

/** Tests of this folder run in the projects whose backend is WebGPU, and are skipped in the others. */
export const onWebGPU: boolean = inject("backend") === ("webgpu" satisfies TestBackend);
