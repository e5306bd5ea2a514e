import { ConfigError, LimitError } from "@dilated/core";
import { expect, test } from "vitest";
import { checkLogits, drawToken, penalise } from "./filter.ts";

const logits = Float32Array.from([0, Math.log(4), Math.log(2), Math.log(1)]); // probabilities 1/8, 4/8, 2/8, 1/8

test("temperature 0 takes the likeliest token, the lower one of equals", () => {
  expect(drawToken(logits, { temperature: 0 }, 0.999)).toBe(1);
  expect(drawToken(Float32Array.from([1, 3, 3]), { temperature: 0 }, 0)).toBe(1);
});

test("draws by probability, likeliest first", () => {
  expect([0, 0.49, 0.51, 0.74, 0.76, 0.87, 0.88, 0.999].map((u) => drawToken(logits, {}, u))).toEqual([
    1, 1, 2, 2, 0, 0, 3, 3,
  ]);
});

test("top-k and top-p cut the tail", () => {
  expect(drawToken(logits, { topK: 1 }, 0.999)).toBe(1);
  expect(drawToken(logits, { topK: 2 }, 0.999)).toBe(2);
  expect(drawToken(logits, { topP: 0.5 }, 0.999)).toBe(1);
  expect(drawToken(logits, { topP: 0.51 }, 0.999)).toBe(2);
  expect(drawToken(logits, { topP: 1 }, 0.999)).toBe(3);
});

test("a low temperature sharpens, a high one flattens", () => {
  const share = (temperature: number) =>
    Array.from({ length: 1000 }, (_, i) => drawToken(logits, { temperature }, i / 1000)).filter((t) => t === 1).length;
  expect(share(0.1)).toBeGreaterThan(990);
  expect(share(100)).toBeLessThan(300);
});

test("a penalty makes tokens that occurred less likely, whatever the sign of their logits", () => {
  const values = Float32Array.from([2, -1, 3]);
  penalise(values, [0, 1], 2);
  expect([...values]).toEqual([1, -2, 3]);
});

test("logits that are not finite are refused, but for minus infinity beside others", () => {
  const check = (...values: number[]) => checkLogits("generate", Float32Array.from(values), 2, 7);
  expect(() => check(0, Number.NaN, 1)).toThrow(
    /generate: the logits of text 2 at drawn token 7 are not finite.*token 1 has NaN/s,
  );
  expect(() => check(0, 1, Infinity)).toThrow(/token 2 has Infinity/);
  expect(() => check(-Infinity, -Infinity)).toThrow(/rule out every token/);
  check(-Infinity, 3e38, -3e38);
});

test("drawToken refuses what no token can be drawn with", () => {
  const fine = Float32Array.of(1, 2);
  for (const values of [
    [Number.NaN, 1],
    [Infinity, 1],
    [-Infinity, -Infinity],
  ])
    expect(() => drawToken(Float32Array.from(values), {}, 0.5)).toThrow(LimitError);
  for (const uniform of [Number.NaN, -0.1, 1, 2]) expect(() => drawToken(fine, {}, uniform)).toThrow(ConfigError);
  expect(() => drawToken(new Float32Array(), {}, 0.5)).toThrow(ConfigError);
  expect(drawToken(Float32Array.of(-Infinity, 1), {}, 0)).toBe(1);
});
