import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { ConfigError } from "../errors/index.ts";
import { openWebGPU } from "../webgpu/backend.ts";
import type { Backend } from "./backend.ts";
import { Device } from "./device.ts";
import { checkOpenOptions } from "./open-options.ts";
import type { OpenDeviceOptions } from "./options.ts";

/** What it holds, `checkOpenOptions` says. */
const OPTIONS = field.optional(field.any("an object"));

/**
 * Opens a device.
 *
 * @throws ConfigError for unknown or contradictory options; DeviceError when the backend asked for is not there (the message says why).
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * const device = await openDevice();
 * console.log(device.info.backend, device.info.reason);
 * device.dispose();
 * ```
 */
export async function openDevice(options: OpenDeviceOptions = {}): Promise<Device> {
  checkCall("openDevice", { options: OPTIONS }, arguments);
  checkOpenOptions(options);
  return new Device(await openBackend(options));
}

async function openBackend(options: OpenDeviceOptions): Promise<Backend> {
  const { backend = options.gpuDevice ? "webgpu" : "auto" } = options;
  if (backend === "wasm") return openWasm(options, "asked for");
  if (backend === "webgpu") return openWebGPU(options, "asked for");
  if (backend !== "auto") throw new ConfigError(`openDevice: unknown backend ${String(backend)}`);
  try {
    return await openWebGPU(options, "a GPU was found");
  } catch (error) {
    return openWasm(options, `no usable GPU: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
  }
}

/** The CPU's backend is loaded when somebody opens it: pages with a GPU never do. */
async function openWasm(options: OpenDeviceOptions, reason: string): Promise<Backend> {
  const backend = await import("../wasm/backend.ts");
  return backend.openWasm(options, reason);
}
