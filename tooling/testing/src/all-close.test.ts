import { describe, expect, it } from "vitest";
import "./all-close.ts";

describe("toBeAllClose", () => {
  it("accepts what is within atol + rtol * |expected|", () => {
    expect(Float32Array.of(1, 2, 1000.5)).toBeAllClose([1, 2, 1000], { rtol: 1e-3 });
    expect([1, 2]).not.toBeAllClose([1, 2.1], { atol: 0.05 });
  });

  it("shows the first five mismatches, their number, and the largest error", () => {
    const expected = Array.from({ length: 10 }, () => 1);
    const actual = expected.map((value, i) => value + i);
    expect(() => expect(actual).toBeAllClose(expected)).toThrow(
      [
        "9 of 10 values differ by more than atol 0.00002 + rtol 0",
        "  [1] expected 1, got 2",
        "  [2] expected 1, got 3",
        "  [3] expected 1, got 4",
        "  [4] expected 1, got 5",
        "  [5] expected 1, got 6",
        "largest error 9 at index 9",
      ].join("\n"),
    );
  });

  it("takes NaN for the largest error, and a wrong length for a failure", () => {
    expect(() => expect([5, Number.NaN, 9]).toBeAllClose([1, 1, 1])).toThrow("largest error NaN at index 1");
    expect(() => expect([1, 2]).toBeAllClose([1])).toThrow("expected 1 values, got 2");
  });
});
