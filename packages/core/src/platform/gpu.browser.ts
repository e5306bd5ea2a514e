import { ConfigError, DeviceError } from "../errors/index.ts";

/** The entry point to WebGPU of this page or worker: a `GPU`, which published declarations do not name. */
export async function loadGPU({
  robustness = true,
}: {
  readonly robustness?: boolean | undefined;
} = {}): Promise<object> {
  if (!robustness)
    throw new ConfigError("openDevice: robustness: false needs Node; a page cannot switch bounds checks off", {
      fix: "leave it out",
    });
  const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (gpu) return gpu;
  const insecure = (globalThis as { isSecureContext?: boolean }).isSecureContext === false;
  throw new DeviceError("openDevice: this browser offers no WebGPU", {
    details: insecure ? ["the page is not a secure context (https, or localhost)"] : [],
    fix: insecure ? "serve the page over https" : 'use a browser with WebGPU, or open { backend: "wasm" }',
  });
}
