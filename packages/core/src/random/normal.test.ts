import { describe, expect, it } from "vitest";
import { NORMAL_STRIDE, NORMAL_UNIT, normalTable } from "./normal-table.ts";
import { normalReference, uniformReference } from "./reference.ts";

const SIZE = 400_000;

/** Upper tail of the normal distribution by Lentz' continued fraction (z >= 1) or the series of erf: independent of AS 241. */
function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  const density = Math.exp(-z * z * 0.5) / Math.sqrt(2 * Math.PI);
  if (z < 2) {
    let term = z;
    let sum = z;
    for (let n = 1; n < 60; n++) sum += term *= (z * z) / (2 * n + 1);
    return 0.5 - density * sum;
  }
  let fraction = z;
  for (let n = 200; n >= 1; n--) fraction = z + n / fraction;
  return density / fraction;
}

describe("normalTable", () => {
  const table = normalTable();

  it("holds the quantiles, to half a unit", () => {
    for (const k of [0, 1, 2, 5, 10, 20, 30]) {
      for (const j of [0, 1, 31, 63]) {
        const p = 2 ** -(k + 2) * (1 + j / 64);
        const z = (table[k * NORMAL_STRIDE + j] as number) * NORMAL_UNIT;
        // dp/dz is the density, about p·z in the tail.
        expect(Math.abs(upperTail(z) / p - 1)).toBeLessThan(
          NORMAL_UNIT * Math.max(1.7, 1.1 * (z + 1 / Math.max(z, 0.5))),
        );
      }
    }
  });

  it("joins octaves, falls within them, and fits 24 bits", () => {
    for (let k = 0; k < 31; k++) expect(table[(k + 1) * NORMAL_STRIDE + 64]).toBe(table[k * NORMAL_STRIDE]);
    for (let i = 1; i < table.length; i++)
      if (i % NORMAL_STRIDE > 0) expect(table[i]).toBeLessThan(table[i - 1] as number);
    expect(table[64]).toBe(0);
    expect(Math.max(...table)).toBeLessThan(2 ** 24);
  });

  it("keeps the interpolation inside i32", () => {
    for (let i = 1; i < table.length; i++)
      if (i % NORMAL_STRIDE > 0) expect((table[i - 1] as number) - (table[i] as number)).toBeLessThan(32_767);
  });
});

describe("samples", () => {
  it("normal: moments within five standard errors", () => {
    const x = normalReference(SIZE, 42);
    const moment = (n: number) => x.reduce((sum, z) => sum + z ** n, 0) / SIZE;
    const within = (value: number, expected: number, variance: number) =>
      expect(Math.abs(value - expected)).toBeLessThan(5 * Math.sqrt(variance / SIZE));
    within(moment(1), 0, 1);
    within(moment(2), 1, 2);
    within(moment(3), 0, 15);
    within(moment(4), 3, 96);
  });

  it("normal: Kolmogorov-Smirnov", () => {
    const sorted = normalReference(SIZE, 7).sort();
    let distance = 0;
    sorted.forEach((z, i) => {
      const below = 1 - upperTail(z);
      distance = Math.max(distance, Math.abs(below - i / SIZE), Math.abs(below - (i + 1) / SIZE));
    });
    expect(distance * Math.sqrt(SIZE)).toBeLessThan(1.95); // 0.1 % level
  });

  it("normal: tails", () => {
    const x = normalReference(SIZE, 11);
    for (const z of [2, 3, 4]) {
      const expected = 2 * upperTail(z) * SIZE;
      const found = x.filter((value) => Math.abs(value) > z).length;
      expect(Math.abs(found - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  });

  it("neighbours, streams, seeds and domains are uncorrelated", () => {
    const n = 100_000;
    const correlation = (a: Float32Array, b: Float32Array) =>
      a.reduce((sum, z, i) => sum + z * (b[i] as number), 0) / n;
    const x = normalReference(n + 1, 1);
    const others = [normalReference(n, 1, 1), normalReference(n, 2), normalReference(n, 1 + 2 ** 32)];
    const domains = [normalReference(n, 1, 0, "weights"), uniformReference(n, 1).map((u) => (u - 0.5) * 12 ** 0.5)];
    for (const y of [x.subarray(1), ...others, ...domains]) {
      expect(Math.abs(correlation(x.subarray(0, n), y.subarray(0, n)))).toBeLessThan(5 / Math.sqrt(n));
    }
  });

  it("uniform: in [0, 1), equidistributed (chi-squared over 256 cells)", () => {
    const cells = new Float64Array(256);
    for (const u of uniformReference(SIZE, 3)) {
      const cell = Math.floor(u * 256);
      cells[cell] = (cells[cell] ?? Number.NaN) + 1; // outside [0, 1): no cell
    }
    expect(cells.reduce((sum, count) => sum + count, 0)).toBe(SIZE);
    const chi = cells.reduce((sum, count) => sum + (count - SIZE / 256) ** 2 / (SIZE / 256), 0);
    expect(Math.abs(chi - 255)).toBeLessThan(5 * Math.sqrt(2 * 255));
  });
});
