import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors/index.ts";
import { deriveSeed, RANDOM_DOMAINS, seedKey } from "./seeds.ts";

const MAX = Number.MAX_SAFE_INTEGER;
const seed = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, 20_261_130, 1_795_000_000_000, MAX - 1, MAX));
const several = fc.uniqueArray(seed, { minLength: 2, maxLength: 50 });

describe("deriveSeed", () => {
  property.prop([seed, several])("gives a safe seed, another one for every index", (from, indices) => {
    const seeds = indices.map((index) => deriveSeed(from, index));
    for (const value of seeds) expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
    expect(new Set(seeds).size).toBe(indices.length);
  });

  property.prop([seed, several])("gives another one for every seed", (index, seeds) => {
    expect(new Set(seeds.map((from) => deriveSeed(from, index))).size).toBe(seeds.length);
  });

  it("keeps neighbouring seeds and indices apart", () => {
    const all = [0, 1_795_000_000_000, MAX - 40].flatMap((first) =>
      Array.from({ length: 40 * 40 }, (_, i) => deriveSeed(first + Math.floor(i / 40), i % 40)),
    );
    expect(new Set(all).size).toBe(3 * 40 * 40);
    // Users add small numbers to seeds, too.
    expect(new Set(all.flatMap((value) => [value, value + 1, value + 2])).size).toBe(9 * 40 * 40);
  });

  it("spreads over all 53 bits", () => {
    const ones = Array.from({ length: 53 }, () => 0);
    for (let i = 0; i < 1000; i++) {
      const bits = deriveSeed(7, i).toString(2).padStart(53, "0");
      for (let at = 0; at < 53; at++) ones[at] = (ones[at] ?? 0) + Number(bits[at]);
    }
    for (const count of ones) expect(Math.abs(count - 500)).toBeLessThan(5 * Math.sqrt(250));
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53, Infinity, "1", undefined])("refuses %s", (value) => {
    expect(() => deriveSeed(value as number, 0)).toThrow(ConfigError);
    expect(() => deriveSeed(0, value as number)).toThrow(/deriveSeed: index must be an integer from 0 to 2\^53 - 1/);
    expect(() => seedKey(value as number)).toThrow(ConfigError);
  });
});

property.prop([seed])("every seed has a key of its own", (value) => {
  expect(seedKey(value)[0] + seedKey(value)[1] * 2 ** 32).toBe(value);
});

it("every use has a domain of its own", () => {
  const domains = Object.values(RANDOM_DOMAINS).map((domain) => domain % 2 ** 16);
  expect(new Set(domains).size).toBe(domains.length);
});
