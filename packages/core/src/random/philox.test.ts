import { describe, expect, it } from "vitest";
import { type PhiloxCounter, type PhiloxKey, philox4x32 } from "./philox.ts";

const F = 0xffffffff;

/** Known answers published with Random123 (kat_vectors, philox4x32 10). */
const KNOWN: [name: string, PhiloxCounter, PhiloxKey, answer: string][] = [
  ["zeros", [0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
  ["ones", [F, F, F, F], [F, F], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
  [
    "pi",
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    "d16cfe09 94fdcceb 5001e420 24126ea1",
  ],
];

describe("philox4x32", () => {
  it.each(KNOWN)("gives the published words for %s", (_name, counter, key, answer) => {
    const words = philox4x32(counter, key);
    expect(words).toBeInstanceOf(Uint32Array);
    expect([...words].map((word) => word.toString(16).padStart(8, "0")).join(" ")).toBe(answer);
  });

  it("is uniform: 2^16 words have mean 1/2 within five standard errors", () => {
    let sum = 0;
    for (let i = 0; i < 1 << 14; i++) for (const word of philox4x32([i, 0, 0, 0], [7, 0])) sum += word / 2 ** 32;
    expect(Math.abs(sum / (1 << 16) - 0.5)).toBeLessThan((5 * Math.sqrt(1 / 12)) / 256);
  });

  it("depends on every word of counter and key", () => {
    const words = [0, 1, 2, 3, 4, 5].map((at) => {
      const w = [0, 0, 0, 0, 0, 0].map((_, i) => (i === at ? 1 : 0)) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      return philox4x32([w[0], w[1], w[2], w[3]], [w[4], w[5]]).join();
    });
    expect(new Set(words).size).toBe(6);
  });
});
