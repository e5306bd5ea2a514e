import { DeviceError } from "../errors/index.ts";

/** What the instance is asked for. */
export interface GPUChoice {
  /** @defaultValue true; see `OpenDeviceOptions.robustness` */
  readonly robustness?: boolean | undefined;
}

/**
 * Dawn switches. Without `allow_unsafe_apis` and `vulkan_enable_f16_on_nvidia` matrix units and f16 are hidden; timestamps are rounded for the web's sake, which
 * a process of ours need not fear.
 */
function dawnFlags({ robustness = true }: GPUChoice): string[] {
  const on = ["allow_unsafe_apis", "vulkan_enable_f16_on_nvidia"];
  if (!robustness) on.push("disable_robustness", "skip_validation");
  return [`enable-dawn-features=${on.join()}`, "disable-dawn-features=timestamp_quantization"];
}

/**
 * Every Dawn instance made here, by its flags. When the object that `create()` returned is collected, Dawn crashes in a mutex assertion, so
 * instances stay referenced for the life of the process. (The other module state of this package: memories of closed devices, wasm/memory.ts.)
 */
const instances = new Map<string, Promise<GPU>>();

/** The entry point to WebGPU, a `GPU`: the platform's own where there is one (Deno, future Node), else Dawn from the optional peer `webgpu`. */
export async function loadGPU(choice: GPUChoice = {}): Promise<object> {
  const native = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (native) return native;
  const flags = dawnFlags(choice);
  const key = flags.join(" ");
  const made = instances.get(key) ?? createDawn(flags);
  instances.set(key, made);
  try {
    return await made;
  } catch (error) {
    instances.delete(key);
    throw error;
  }
}

async function createDawn(flags: readonly string[]): Promise<GPU> {
  let dawn: typeof import("webgpu");
  try {
    dawn = await import("webgpu");
  } catch (cause) {
    const missing = (cause as { code?: string }).code === "ERR_MODULE_NOT_FOUND";
    throw new DeviceError(
      missing
        ? "openDevice: Node has no WebGPU of its own, and the optional peer `webgpu` is not installed"
        : "openDevice: the optional peer `webgpu` does not load here",
      {
        details: missing ? [] : [String(cause)],
        fix: missing ? "npm install webgpu" : 'use another version of `webgpu`, or open { backend: "wasm" }',
        cause,
      },
    );
  }
  return dawn.create([...flags]);
}
