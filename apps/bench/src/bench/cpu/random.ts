import { philox4x32 } from "@dilated/core";

/** Standard normal samples by Box and Muller; the same for the same seed. */
export function normalArray(count: number, seed: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const [a = 0, b = 0] = philox4x32([i, 0, 0, 0xbe], [seed, 0]);
    const radius = Math.sqrt(-2 * Math.log((a + 1) / 2 ** 32));
    const angle = (2 * Math.PI * b) / 2 ** 32;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}
