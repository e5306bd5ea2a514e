import { NORMAL_STRIDE, NORMAL_UNIT, normalTable } from "./normal-table.ts";
import { philox4x32 } from "./philox.ts";

/** Fourth counter word of random tensors; dropout uses another one, so that no two uses of one seed share words. */
export const RANDOM_DOMAIN = 0xd11a7ed;

/** Word of element `index` of a random tensor: word index mod 4 of philox((index / 4, 0, stream, domain), seed). */
export function randomWord(index: number, seed: number, stream: number): number {
  const words = philox4x32([Math.floor(index / 4), 0, stream, RANDOM_DOMAIN], [seed >>> 0, Math.floor(seed / 2 ** 32)]);
  return words[index % 4] as number;
}

/** What `randomUniform` writes, in plain TypeScript. */
export function uniformReference(size: number, seed: number, stream = 0): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => (randomWord(i, seed, stream) >>> 8) * 2 ** -24);
}

/** What `randomNormal` writes, in plain TypeScript. */
export function normalReference(size: number, seed: number, stream = 0): Float32Array {
  const table = normalTable();
  return Float32Array.from({ length: size }, (_, i) => normalUnits(table, randomWord(i, seed, stream)) * NORMAL_UNIT);
}

function normalUnits(table: Int32Array, bits: number): number {
  const p = ((bits << 1) | 1) >>> 0;
  const octave = Math.clz32(p);
  const y = (p << octave) >>> 0;
  const at = octave * NORMAL_STRIDE + ((y >>> 25) & 63);
  const t = (y >>> 9) & 0xffff;
  const low = table[at] as number;
  const z = low + (((((table[at + 1] as number) - low) * t + 0x8000) | 0) >> 16);
  return bits >>> 31 === 1 ? -z : z;
}
