import { ConfigError } from "@dilated/core";
import { expect, test } from "vitest";
import { formatComparison, maxError } from "./compare.ts";
import { parseParity } from "./options.ts";

test("the largest error; NaN and missing values are infinite", () => {
  expect(maxError([1, 2.5], [1, 2])).toBe(0.5);
  expect(maxError([1, Number.NaN, 1], [1, 1, 9])).toBe(Number.POSITIVE_INFINITY);
  expect(maxError([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
});

test("one line a tensor", () => {
  expect(formatComparison({ name: "basic", tensor: "dq", error: 1.234e-7, pass: true })).toBe("basic dq 1.23e-7 PASS");
});

test("options", () => {
  expect(parseParity(["a", "--dtype", "f16", "b"])).toEqual({ files: ["a", "b"], backend: "auto", dtype: "f16" });
  expect(() => parseParity(["--backend", "cuda", "--dtype", "f8"])).toThrow(/cuda.*f8.*no golden file/s);
  expect(() => parseParity(["a", "--tolerance", "1"])).toThrow(ConfigError);
});
