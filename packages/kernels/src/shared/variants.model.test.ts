import type { DType, KernelDefinition } from "@dilated/core";
import { validateWgsl } from "@dilated-internal/testing/validate-wgsl";
import { describe, expect, test } from "vitest";
import { backwardKernels, forwardKernels, inPlaceKernels, reduceKernel } from "../cross-entropy/kernels.ts";
import { gatherKernels, scatterKernels } from "../embedding/kernels.ts";
import { matmulKernels } from "../matmul/kernels.ts";
import { tileVariants } from "../matmul/problem.ts";
import { adamWKernel, clipKernel, normKernel, scaleKernel, sgdKernel, squareSumKernel } from "../optimizer/kernels.ts";
import { rotateKernel } from "../position/rotate.ts";
import { sumSlicesKernel } from "./sum-slices.ts";

type Constants = Readonly<Record<string, number | boolean>>;

/** A kernel, its constants, and the dtypes of integer slots; other slots are f32 and f16 in turn, optional ones there and not. */
type Row = readonly [
  kernel: KernelDefinition,
  constants: readonly Constants[],
  integers?: Readonly<Record<string, DType>>,
];

const LANES = 256;
const flags = (...names: string[]): Constants[] =>
  Array.from({ length: 2 ** names.length }, (_, bits) =>
    Object.fromEntries(names.map((name, i) => [name, (bits >> i) % 2 === 1])),
  );
const tiles = (body: "tile" | "direct"): Constants[] =>
  Object.values(tileVariants)
    .filter((variant) => variant.body === body)
    .flatMap(({ constants }) => flags("TRANS_A", "TRANS_B", "ACCUMULATE").map((flag) => ({ ...constants, ...flag })));

const rows: readonly Row[] = [
  ...(["tile", "direct"] as const).flatMap((body) =>
    Object.values(matmulKernels[body]).map((kernel): Row => [kernel, tiles(body)]),
  ),
  ...Object.values(forwardKernels).map((kernel): Row => [kernel, [{ LANES: 64 }, { LANES }], { targets: "i32" }]),
  ...[backwardKernels, inPlaceKernels]
    .flatMap(Object.values)
    .map((kernel): Row => [kernel, [{ LANES }], { targets: "u32" }]),
  [
    reduceKernel,
    [
      { LANES, COUNT: true },
      { LANES, COUNT: false },
    ],
    { targets: "i32" },
  ],
  [gatherKernels.quad.f32, [{ LANES }], { ids: "i32" }],
  [gatherKernels.single.f32, [{ LANES }], { ids: "u32", y: "f32" }],
  [gatherKernels.quad.i32, [{ LANES }], { table: "i32", ids: "i32", y: "i32" }],
  [gatherKernels.single.u32, [{ LANES }], { table: "u32", ids: "i32", y: "u32" }],
  [scatterKernels.quad, [{ LANES: 64 }], { ids: "u32" }],
  [scatterKernels.single, [{ LANES: 64 }], { ids: "i32" }],
  [rotateKernel, flags("INTERLEAVED").map((flag) => ({ LANES, ...flag })), { positions: "i32", frequencies: "u32" }],
  ...[adamWKernel, sgdKernel, scaleKernel].map((kernel): Row => [kernel, [{ LANES }]]),
  [squareSumKernel, [{ LANES, RUN: 16 }], { table: "u32" }],
  [normKernel, [{ LANES }]],
  [clipKernel, [{}]],
  [sumSlicesKernel, flags("ACCUMULATE").map((flag) => ({ LANES, ...flag }))],
];

describe("every variant compiles within plain WebGPU", () => {
  test.each(rows.map(([kernel, ...rest]) => [kernel.name, kernel, ...rest] as const))(
    "%s",
    async (_, kernel, constants, integers = {}) => {
      for (const float of ["f32", "f16"] as const) {
        for (const optional of [true, false]) {
          const dtypes = Object.entries(kernel.tensors).map(([name, slot]) => {
            if (slot.optional && !optional) return undefined;
            return integers[name] ?? (slot.view === "scalar" && slot.access !== "read" ? "f32" : float); // f16 cannot be written one by one
          });
          for (const one of constants) expect(await validateWgsl(kernel, { dtypes, constants: one })).toEqual([]);
        }
      }
    },
  );
});
