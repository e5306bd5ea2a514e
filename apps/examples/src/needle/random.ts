import { philox4x32, seedKey } from "@dilated/core";

/** Random numbers, one after another, that depend on a seed and three counters alone. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** A whole number in [0, count). */
  below(count: number): number;
}

export function randomOf(seed: number, stream: number, step: number, row: number): Random {
  const [low, high] = seedKey(seed, "needle");
  let words: ArrayLike<number> = [];
  let next = 0;
  const uniform = (): number => {
    if (next % 4 === 0) words = philox4x32([next >>> 2, step, row, stream], [low, 0x6e65_6564 ^ high]);
    return (words[next++ % 4] as number) / 2 ** 32;
  };
  return { uniform, below: (count) => Math.min(count - 1, Math.floor(uniform() * count)) };
}
