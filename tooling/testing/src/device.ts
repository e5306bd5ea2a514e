import { type Device, type OpenDeviceOptions, openDevice } from "@dilated/core";
import { inject } from "vitest";
import { lentGPU } from "./lent-gpu.ts";

/** What a device project of `vitest.config.ts` provides. */
export type TestBackend = "wasm" | "webgpu";

declare module "vitest" {
  export interface ProvidedContext {
    /** The backend that every device test of the project runs on. */
    backend: TestBackend;
    /** Bytes of a binding of devices that no test chose them for, by DILATED_BINDINGS; 0: what the backend gives. */
    bindings?: number;
  }
}

const open = new Set<Device>();

/** What {@link openTestDevice} opened and nobody has disposed of. */
export function openDevices(): ReadonlySet<Device> {
  for (const device of open) if (device.disposed) open.delete(device);
  return open;
}

/** Opens a device on the backend of the running project; a software GPU will do. The caller disposes of it. */
export async function openTestDevice(options: OpenDeviceOptions = {}): Promise<Device> {
  const backend = inject("backend");
  const maxBindingBytes = options.maxBindingBytes ?? (inject("bindings") || undefined);
  const given = { allowSoftware: true, ...options, maxBindingBytes, backend };
  const asked = options.tier !== undefined || options.robustness !== undefined; // for a GPUDevice of its own
  const gpuDevice = backend === "webgpu" && !asked ? await lentGPU() : undefined;
  const device = await openDevice(gpuDevice ? { ...given, gpuDevice } : given);
  open.add(device);
  return device;
}
