import * as field from "../config/fields.ts";
import { checkConfig } from "../config/validate.ts";
import { ConfigError } from "../errors/index.ts";
import type { GPUDeviceLike } from "../foreign/types.ts";
import type { OpenDeviceOptions } from "./options.ts";

const schema = {
  backend: field.optional(field.oneOf(["auto", "webgpu", "wasm"])),
  gpuDevice: field.optional(field.custom<GPUDeviceLike>("a GPUDevice", isGPUDevice)),
  powerPreference: field.optional(field.oneOf(["low-power", "high-performance"])),
  allowSoftware: field.optional(field.boolean()),
  tier: field.optional(field.oneOf(["baseline", "vector", "matrix"])),
  robustness: field.optional(field.boolean()),
  threads: field.optional(field.positiveInteger(1024)),
  simd: field.optional(field.oneOf(["auto", "simd", "relaxed-simd"])),
  memoryBudget: field.optional(field.positiveInteger()),
  poolBytes: field.optional(field.nonNegativeInteger()),
  maxBindingBytes: field.optional(
    field.custom<number>("an integer of at least 256", (n) => Number.isSafeInteger(n) && (n as number) >= 256),
  ),
} satisfies Record<keyof OpenDeviceOptions, field.Field<unknown>>;

/** Throws ConfigError that lists every unknown, wrong or contradictory option. */
export function checkOpenOptions(options: OpenDeviceOptions): void {
  const { backend, gpuDevice, robustness } = checkConfig("openDevice", schema, options);
  if (gpuDevice && backend === "wasm") {
    throw new ConfigError("openDevice: a gpuDevice cannot run WebAssembly", {
      details: ['backend: "wasm"', "gpuDevice: given"],
      fix: "leave out one of them",
    });
  }
  if (robustness === false && (gpuDevice || backend === "wasm")) {
    throw new ConfigError("openDevice: robustness: false is chosen when a GPU device of our own is made", {
      details: [gpuDevice ? "gpuDevice: given" : 'backend: "wasm"'],
      fix: "leave it out",
    });
  }
}

/** By shape: a device may come from another realm or from Dawn, and a browser without WebGPU has no class to compare with. */
function isGPUDevice(value: unknown): boolean {
  return typeof value === "object" && value !== null && "queue" in value && "createBuffer" in value;
}
