import { DeviceError } from "../errors/index.ts";

/** A shared memory and how far it may grow. */
export interface SharedMemory {
  readonly memory: WebAssembly.Memory;
  /** Pages of 64 KiB. */
  readonly maximumPages: number;
}

/** Reserves address space for a shared memory: 4 GiB, or as much as the system gives (phones and 32-bit systems give less). */
export function createMemory(): SharedMemory {
  let cause: unknown;
  for (let maximumPages = 65_536; maximumPages >= 1_024; maximumPages /= 2) {
    try {
      return { memory: new WebAssembly.Memory({ initial: 64, maximum: maximumPages, shared: true }), maximumPages };
    } catch (error) {
      cause = error;
    }
  }
  throw new DeviceError("openDevice: no memory for the WebAssembly backend", {
    details: ["reserving 64 MiB to 4 GiB of shared address space failed"],
    fix: "free memory, raise the address-space limit (ulimit -v), or use a WebGPU device",
    cause,
  });
}
