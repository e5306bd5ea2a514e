import { roundUp } from "./flags.ts";

/** Offsets and sizes of WebGPU bindings come in steps of this, so nothing smaller is worth a buffer of its own. */
const SMALLEST = 256;

/**
 * Bytes of the buffer that holds `bytes`: a power of two cut in equal steps, so that tensors of nearly one size share buffers.
 * Small buffers are rounded coarsely (quarter steps: at most 25 % idle); large ones finely (1/16 from 1 MiB, 1/64 from 64 MiB:
 * under 2 % idle), because there the idle bytes cost more than a missed reuse.
 */
export function sizeClass(bytes: number): number {
  const steps = bytes < 2 ** 20 ? 4 : bytes < 2 ** 26 ? 16 : 64;
  const power = 2 ** Math.floor(Math.log2(Math.max(bytes, SMALLEST)));
  return roundUp(bytes, Math.max(SMALLEST, power / steps));
}
