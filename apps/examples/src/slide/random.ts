import { philox4x32, seedKey } from "@dilated/core";

/** Uniform numbers in [0, 1), one after another; equal seeds give equal numbers. */
export type Random = () => number;

/** A stream of its own for each pair of seed and stream number. */
export function random(seed: number, stream = 0): Random {
  const [low, high] = seedKey(seed, "slide");
  let words: ArrayLike<number> = [];
  let next = 0;
  let block = 0;
  return () => {
    if (next === words.length) {
      words = philox4x32([block++, stream, 0, 0], [low, 0x51de ^ high]);
      next = 0;
    }
    return (words[next++] ?? 0) / 2 ** 32;
  };
}

/** A whole number in [0, n). */
export const below = (next: Random, n: number): number => Math.floor(next() * n);

/** Uniform on a logarithmic scale: as often half as much as twice as much. */
export const logUniform = (next: Random, from: number, to: number): number => from * (to / from) ** next();
