import type { Device, MatrixShape } from "@dilated/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pretendDevice } from "../../shared/test-utils/pretend-device.ts";
import { choose } from "../../tune/choice.ts";
import type { MatmulProblem } from "../problem.ts";
import { type MatrixLayout, matrixKey, matrixPlan, matrixPlans } from "./plan.ts";
import { matrixUnits } from "./units.ts";

const nvidia: MatrixShape = { operand: "f16", result: "f32", M: 16, N: 16, K: 16, lanes: 32 };
const apple: MatrixShape = { operand: "f32", result: "f32", M: 8, N: 8, K: 8, lanes: 32 };

function deviceWith(matrix: readonly MatrixShape[], tier = "matrix"): Device {
  const limits = { maxWorkgroupSize: 1024, maxWorkgroupMemory: 49_152, maxBindingBytes: 2 ** 31 - 256 };
  return pretendDevice({ info: { tier, matrix }, limits });
}

const h100 = deviceWith([{ ...nvidia, result: "f16" }, { ...nvidia, N: 8 }, nvidia]);

function problemOf(m: number, n: number, k: number, rest: Partial<MatmulProblem> = {}): MatmulProblem {
  const transposes = { transposeA: false, transposeB: false };
  return { batch: 1, m, n, k, ...transposes, strideA: m * k, strideB: k * n, alpha: 1, accumulate: false, ...rest };
}

function layoutOf({ m, n, k, transposeA, transposeB }: MatmulProblem, rest: Partial<MatrixLayout> = {}): MatrixLayout {
  const [lda, ldb] = [transposeA ? m : k, transposeB ? k : n];
  return { lda, ldb, ldc: n, firstA: 0, firstC: 0, dtypes: ["f16", "f16"], splitting: true, ...rest };
}

const plan = (problem: MatmulProblem, device = h100, layout: Partial<MatrixLayout> = {}) =>
  matrixPlan(device, problem, layoutOf(problem, layout));

describe("matrixUnits", () => {
  test("takes the largest shape with f32 sums", () => {
    expect(matrixUnits(h100, "f16")).toEqual({ MM: 16, MN: 16, MK: 16, LANES: 32, HALF: true, WIDE: false });
  });
  test("keeps f32 exact: no f16 operands for it", () => expect(matrixUnits(h100, "f32")).toBeUndefined());
  test("widens f16 where the units only know f32", () => {
    expect(matrixUnits(deviceWith([apple]), "f16")).toMatchObject({ MM: 8, HALF: true, WIDE: true });
    expect(matrixUnits(deviceWith([apple]), "f32")).toMatchObject({ HALF: false, WIDE: true });
  });
  test("leaves subgroups of unknown size alone", () => {
    const { lanes: _, ...unknown } = nvidia;
    expect(matrixUnits(deviceWith([unknown]), "f16")).toBeUndefined();
  });
});

describe("matrixPlan", () => {
  test("is there for f16 by f16 in tier matrix, and only there", () => {
    const square = problemOf(512, 512, 512);
    expect(plan(square)).toBeDefined();
    expect(plan(square, deviceWith([nvidia], "vector"))).toBeUndefined();
    expect(plan(square, h100, { dtypes: ["f16", "f32"] })).toBeUndefined();
    expect(plan(square, h100, { dtypes: ["f32", "f32"] })).toBeUndefined();
  });

  test.each([
    ["odd columns", problemOf(64, 60, 64)],
    ["an odd inner axis", problemOf(64, 64, 60)],
    ["few rows", problemOf(8, 4096, 4096)],
  ])("leaves %s to the other kernels", (_, problem) => expect(plan(problem)).toBeUndefined());

  test("rows of any number do", () => expect(plan(problemOf(77, 64, 64))).toBeDefined());

  test("cuts a long K where the result has few tiles, and only then", () => {
    expect(plan(problemOf(3072, 768, 32_768, { transposeA: true }))?.splits).toBeGreaterThan(1);
    expect(plan(problemOf(3072, 768, 32_768), h100, { splitting: false })?.splits).toBe(1);
    expect(plan(problemOf(32_768, 3072, 768))?.splits).toBe(1);
    expect(plan(problemOf(128, 64, 64))?.splits).toBe(1);
  });

  test("no part of K is empty, and all of it is done", () => {
    const size = fc.integer({ min: 2, max: 5000 }).map((eighths) => eighths * 8);
    fc.assert(
      fc.property(size, size, size, (m, n, k) => {
        const problem = problemOf(m, n, k);
        for (const { splits, chunk, tile } of matrixPlans(h100, problem, layoutOf(problem))) {
          expect(chunk % tile.TILE_K).toBe(0);
          expect(splits * chunk).toBeGreaterThanOrEqual(k);
          expect((splits - 1) * chunk).toBeLessThan(k);
        }
      }),
    );
  });

  test("obeys the tuner", () => {
    const device = deviceWith([nvidia]);
    const problem = problemOf(4096, 4096, 4096);
    const last = matrixPlans(device, problem, layoutOf(problem)).at(-1);
    expect(plan(problem, device)).not.toEqual(last);
    choose(device, matrixKey(problem, "f16"), last?.tile.name);
    expect(plan(problem, device)).toEqual(last);
  });
});
