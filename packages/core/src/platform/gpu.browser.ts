import { DeviceError } from "../errors/index.ts";

/** Dawn switches: a page cannot set them. */
export const DAWN_FLAGS: readonly string[] = [];

/** The entry point to WebGPU of this page or worker. */
export async function loadGPU(_flags: readonly string[] = DAWN_FLAGS): Promise<GPU> {
  const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (gpu) return gpu;
  const insecure = (globalThis as { isSecureContext?: boolean }).isSecureContext === false;
  throw new DeviceError("openDevice: this browser offers no WebGPU", {
    details: insecure ? ["the page is not a secure context (https, or localhost)"] : [],
    fix: insecure ? "serve the page over https" : 'use a browser with WebGPU, or open { backend: "wasm" }',
  });
}
