import { philox4x32 } from "@dilated/core";
import { expect, test } from "vitest";
import { codonStatistics, gcContent } from "./features.ts";
import { kmerTokens, VOCABULARY } from "./kmers.ts";
import { rocOf } from "./roc.ts";
import { labelWindows, splitOf, WINDOW, type Window } from "./windows.ts";

const windowAt = (start: number): Window => ({ start, plus: 0, minus: 0, kind: "mixed", heldOut: false });

test("GC content and triplets count what is there", () => {
  const bases = new Uint8Array(2 * WINDOW).fill(0);
  bases.fill(1, WINDOW, WINDOW + 32); // a quarter C
  expect([...gcContent(bases, [windowAt(0), windowAt(WINDOW)]).rows]).toEqual([0, 0.25]);
  const { rows, width } = codonStatistics(bases, [windowAt(0)]);
  expect(width).toBe(68);
  expect(rows[0]).toBeCloseTo(1, 5); // AAA
  expect(rows.subarray(1, 64).every((value) => value === 0)).toBe(true);
});

test("period 3 is seen in codons, whatever their frame, and not in noise", () => {
  const codons = Uint8Array.from({ length: 3 * WINDOW }, (_, i) => [2, 1, 3][i % 3] as number);
  const noise = Uint8Array.from({ length: 3 * WINDOW }, (_, i) => (philox4x32([i, 0, 0, 0], [1, 0])[0] as number) % 4);
  const power = (bases: Uint8Array, start: number): number =>
    codonStatistics(bases, [windowAt(start)])
      .rows.subarray(64)
      .reduce((sum, value) => sum + value, 0);
  for (const start of [0, 1, 2]) expect(power(codons, start)).toBeGreaterThan(10 * power(noise, start));
});

test("a token is the word around its base", () => {
  const tokens = kmerTokens(Uint8Array.of(0, 1, 2, 3, 0, 1, 2, 4, 0));
  const none = VOCABULARY - 1;
  const word = (letters: number[]): number => letters.reduce((code, base) => 4 * code + base, 0);
  expect([...tokens]).toEqual([
    none,
    none,
    word([0, 1, 2, 3, 0, 1]),
    word([1, 2, 3, 0, 1, 2]),
    none,
    none,
    none,
    none,
    none,
  ]);
});

test("areas under curves: perfect, reversed, tied, and one by hand", () => {
  expect(rocOf([4, 3, 2, 1], [1, 1, 0, 0]).auc).toBe(1);
  expect(rocOf([4, 3, 2, 1], [0, 0, 1, 1]).auc).toBe(0);
  expect(rocOf([1, 1, 1, 1], [0, 1, 1, 0]).auc).toBe(0.5);
  const { auc, points } = rocOf([4, 3, 2, 1], [1, 0, 1, 0]);
  expect(auc).toBe(0.75);
  expect([points[0], points.at(-1)]).toEqual([
    { falsePositives: 0, truePositives: 0 },
    { falsePositives: 1, truePositives: 1 },
  ]);
  expect(
    rocOf(
      Array.from({ length: 5000 }, (_, i) => i),
      Array.from({ length: 5000 }, (_, i) => i % 2),
    ).points,
  ).toHaveLength(200);
});

test("windows say what they are made of; a fifth of the stretches is held out", () => {
  const labels = new Uint8Array(4 * WINDOW + 5);
  labels.fill(1, 0, WINDOW);
  labels.fill(2, WINDOW, 2 * WINDOW);
  labels.fill(1, 2 * WINDOW, 2.5 * WINDOW);
  const { isHeldOut } = splitOf(1_000_000);
  const windows = labelWindows(labels, isHeldOut);
  expect(windows.map(({ kind }) => kind)).toEqual(["coding+", "coding-", "mixed", "non-coding"]);
  const held = Array.from({ length: 1000 }, (_, i) => isHeldOut(i * 1000)).filter(Boolean).length;
  expect(held / 1000).toBeCloseTo(0.2, 1);
});
