import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { show } from "../config/show.ts";
import { ConfigError } from "../errors/index.ts";
import { type PhiloxKey, philox4x32 } from "./philox.ts";

/**
 * Fourth counter word of each use of random numbers in this library: no two uses of one seed share words. The lower 16
 * bits are the use, and differ; the upper 16 tell apart what one use has several of (streams of attention's dropout,
 * normal and uniform tensors), and are fixed elsewhere.
 */
export const RANDOM_DOMAINS: Readonly<
  Record<"tensor" | "weights" | "dropout" | "dropPath" | "windows" | "sampling" | "seeds" | "blocks", number>
> = Object.freeze({
  tensor: 0xd11a7ed,
  weights: 0x0141f,
  dropout: 0x0d120,
  dropPath: 0x0d409,
  windows: 0x0da7a,
  sampling: 0x05a3b,
  seeds: 0x05eed,
  blocks: 0x0b10c,
});

/** Added to the domain of a tensor's normal samples, for its uniform ones. */
export const UNIFORM_DOMAIN: number = 2 ** 16;

/** Which numbers they may be, `checkSafe` says. */
const ANY = field.optional(field.any("an integer"));
const KEY = { seed: ANY, caller: field.optional(field.string()) };
const DERIVE = { seed: ANY, index: ANY };

/** Number of seeds: 0 to 2^53 - 1. */
const SEEDS = 2 ** 53;

/**
 * The key of Philox for a seed: its lower and upper 32 bits, so that every seed has a key of its own.
 *
 * @param caller - of whom an error speaks
 * @throws ConfigError unless the seed is an integer from 0 to 2^53 - 1.
 */
export function seedKey(seed: number, caller = "seedKey"): PhiloxKey {
  checkCall("seedKey", KEY, arguments);
  checkSafe(caller, "seed", seed);
  return [seed >>> 0, Math.floor(seed / 2 ** 32)];
}

/**
 * A seed for the `index`-th of many parts of one run (its micro-batches, its samples): what `train` gives as `dropoutSeed`.
 *
 * Under one seed, all 2^53 indices give different seeds, and at one index all 2^53 seeds do: both are bijections. There are fewer numbers than pairs, so
 * two seeds may meet at *different* indices: runs of n and m parts under two random seeds share any with probability (n + m) / 2^53.
 *
 * Parts of a part (layers, uses) are better told apart by `stream`, under one seed: those never meet.
 *
 * @param seed - an integer from 0 to 2^53 - 1
 * @param index - an integer from 0 to 2^53 - 1
 * @returns an integer from 0 to 2^53 - 1
 * @throws ConfigError for anything else.
 * @example
 * ```ts
 * import { deriveSeed } from "@dilated/core";
 * const seeds = [0, 1, 2].map((sample) => deriveSeed(20261130, sample)); // three seeds that have nothing to do with each other
 * ```
 */
export function deriveSeed(seed: number, index: number): number {
  checkCall("deriveSeed", DERIVE, arguments);
  checkSafe("deriveSeed", "seed", seed);
  checkSafe("deriveSeed", "index", index);
  const start = scramble(seed);
  const room = SEEDS - start; // the sum itself might pass 2^53
  return scramble(index < room ? start + index : index - room);
}

/** A bijection of [0, 2^53): a Feistel network of halves of 26 and 27 bits, whose rounds can be undone whatever Philox gives. */
function scramble(value: number): number {
  let high = Math.floor(value / 2 ** 27);
  let low = value % 2 ** 27;
  for (let round = 0; round < 4; round += 2) {
    low ^= word(high, round) >>> 5;
    high ^= word(low, round + 1) >>> 6;
  }
  return high * 2 ** 27 + low;
}

function word(half: number, round: number): number {
  return philox4x32([half, round, 0, RANDOM_DOMAINS.seeds], [0, 0])[0] as number;
}

function checkSafe(caller: string, name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new ConfigError(`${caller}: ${name} must be an integer from 0 to 2^53 - 1`, {
    details: [`given: ${show(value)}`],
    fix: "use a non-negative safe integer, such as Date.now()",
  });
}
