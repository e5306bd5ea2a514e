import { DeviceLostError } from "../errors/index.ts";

/** A kernel crashed: what it and everything behind it should have written is undefined, so the device is not usable any more. */
export function trapError(kernel: string, message: string): DeviceLostError {
  return new DeviceLostError(`kernel "${kernel}" trapped on the WebAssembly device: ${message}`, {
    details: ["the contents of tensors written since are undefined; the device is lost"],
    fix: `correct the kernel "${kernel}" (its addresses, items and scratchBytes), and open a new device`,
  });
}
