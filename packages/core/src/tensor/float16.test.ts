import { expect, it } from "vitest";
import { f16ToF32, f32ToF16 } from "./float16.ts";

/** IEEE 754 binary16, by its definition. */
function meaning(word: number): number {
  const [sign, exponent, fraction] = [word & 0x8000 ? -1 : 1, (word >>> 10) & 31, word & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const words = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);

it("widens every word to what it stands for", () => {
  const wide = f16ToF32(words);
  const wrong = [...words].filter((word) => !Object.is(wide[word], meaning(word)));
  expect(wrong).toEqual([]);
});

it("comes back to every word that is a number", () => {
  const back = f32ToF16(f16ToF32(words));
  expect([...words].filter((word) => back[word] !== word && !Number.isNaN(meaning(word)))).toEqual([]);
});
