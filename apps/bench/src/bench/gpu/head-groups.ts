import type { Device } from "@dilated/core";
import { HEAD_DIM, HEADS } from "./patterns.ts";

/** Of the GPU's memory, what tensors may take: the rest is the driver's, the pool's and the peer's. */
const USABLE = 0.75;

/**
 * The most heads, a divisor of H = 12, that fit at once: q, k, v and out `[1, N, heads, D]` each within the largest tensor, and together within memory. Heads
 * are independent, so running the groups one after another is the same work.
 *
 * @param memoryBytes - what the GPU has
 */
export function headsAtOnce(device: Device, N: number, dtype: "f16" | "f32", memoryBytes: number): number {
  const bytesAHead = N * HEAD_DIM * (dtype === "f16" ? 2 : 4);
  const most = Math.min(device.limits.maxTensorBytes / bytesAHead, (USABLE * memoryBytes) / (4 * bytesAHead));
  return [12, 6, 4, 3, 2, 1].find((heads) => heads <= Math.min(most, HEADS)) ?? 1;
}
