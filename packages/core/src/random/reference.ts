import { NORMAL_STRIDE, NORMAL_UNIT, normalTable } from "./normal-table.ts";
import { philox4x32 } from "./philox.ts";
import { RANDOM_DOMAINS, seedKey, UNIFORM_DOMAIN } from "./seeds.ts";

/** Word of element `index` of a random tensor: word index mod 4 of philox((index / 4 low, high, stream, domain), seed). */
export function randomWord(index: number, seed: number, stream: number, domain: number): number {
  const quad = Math.floor(index / 4);
  const words = philox4x32([quad >>> 0, Math.floor(quad / 2 ** 32), stream, domain], seedKey(seed));
  return words[index % 4] as number;
}

/** What `randomUniform` writes, in plain TypeScript. */
export function uniformReference(size: number, seed: number, stream = 0): Float32Array {
  return uniformsAt(0, size, seed, stream);
}

/** Uniform samples from element `first` of a tensor on. */
export function uniformsAt(first: number, size: number, seed: number, stream: number): Float32Array {
  const domain = RANDOM_DOMAINS.tensor + UNIFORM_DOMAIN;
  return Float32Array.from({ length: size }, (_, i) => (randomWord(first + i, seed, stream, domain) >>> 8) * 2 ** -24);
}

/** What `randomNormal` writes, in plain TypeScript. */
export function normalReference(
  size: number,
  seed: number,
  stream = 0,
  domain: "tensor" | "weights" = "tensor",
): Float32Array {
  return normalsAt(0, size, seed, stream, RANDOM_DOMAINS[domain]);
}

/** Normal samples from element `first` of a tensor on. */
export function normalsAt(
  first: number,
  size: number,
  seed: number,
  stream: number,
  domain: number = RANDOM_DOMAINS.tensor,
): Float32Array {
  const table = normalTable();
  const sample = (i: number): number => normalUnits(table, randomWord(first + i, seed, stream, domain)) * NORMAL_UNIT;
  return Float32Array.from({ length: size }, (_, i) => sample(i));
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
