import type { DType, KernelDefinition, KernelVariant } from "@dilated/core";
import { validateWgsl } from "@dilated-internal/testing/validate-wgsl";
import { describe, expect, test } from "vitest";
import { dropoutKernel } from "../dropout/dropout.ts";
import { binaryKernels } from "../elementwise/binary.ts";
import { expKernel } from "../elementwise/exp.ts";
import { unaryKernel } from "../elementwise/unary.ts";
import { gluBackwardKernel, gluKernel } from "../glu/glu.ts";
import { normBackwardKernel, normConstants, normGradientsKernel, normKernel } from "../norm/kernels.ts";
import { foldSumKernels } from "../reduce/fold.ts";
import { foldMaxKernel } from "../reduce/max.ts";
import { spreadKernel } from "../reduce/spread.ts";
import { moveKernels } from "../shape/move.ts";
import { softmaxBackwardKernel, softmaxKernel } from "../softmax/softmax.ts";
import { putKernel, topKKernel } from "../top-k/kernels.ts";
import { whereKernels } from "../where/where.ts";

const flat: readonly KernelDefinition[] = [
  unaryKernel,
  expKernel,
  ...Object.values(binaryKernels),
  gluKernel,
  gluBackwardKernel,
  dropoutKernel,
  foldMaxKernel,
  spreadKernel,
  ...Object.values(whereKernels).flatMap((byDtype) => Object.values(byDtype)),
];
const lanes = [{ LANES: 64 }, { LANES: 256 }];
const rows = [
  { ...normKernel, constants: [256, 768, 3072, 4096, 5000].map(normConstants) },
  ...[normBackwardKernel, softmaxKernel, softmaxBackwardKernel].map((kernel) => ({ ...kernel, constants: lanes })),
].flatMap(({ aligned, any, constants }) => [aligned, any].map((kernel) => ({ name: kernel.name, kernel, constants })));

const folds = [1, 2, 4, 8, 16, 32, 64].map((SHARE) => ({ LANES: 256, SHARE }));

const ranks = [1, 2, 3, 4, 5, 6].map((RANK) => ({ LANES: 256, RANK }));
const registers = [1, 2, 3, 4].flatMap((QUADS) => [64, 256].map((LANES) => ({ LANES, QUADS })));

/** Both dtypes wherever a slot takes them, with all optional tensors and with none. */
function variantsOf(
  kernel: KernelDefinition,
  constants: readonly NonNullable<KernelVariant["constants"]>[],
): KernelVariant[] {
  const slots = Object.values(kernel.tensors);
  const dtypes = (float: DType, optional: boolean) =>
    slots.map((slot) => {
      if (slot.optional && !optional) return undefined;
      const single = slot.view === "scalar" && slot.access !== "read"; // f16 cannot be written one by one
      return slot.dtype ?? (single ? "f32" : float);
    });
  const all = (["f32", "f16"] as const).flatMap((float) => [dtypes(float, true), dtypes(float, false)]);
  return all.flatMap((one) => constants.map((each) => ({ dtypes: one, constants: each })));
}

describe("every variant compiles within plain WebGPU", () => {
  test.each(flat.map((kernel) => [kernel.name, kernel] as const))("%s", async (_, kernel) => {
    for (const variant of variantsOf(kernel, [{ LANES: 256 }])) expect(await validateWgsl(kernel, variant)).toEqual([]);
  });
  test.each(rows)("$name", async ({ kernel, constants }) => {
    for (const variant of variantsOf(kernel, constants)) expect(await validateWgsl(kernel, variant)).toEqual([]);
  });
  test.each([
    ...Object.values(foldSumKernels).map((kernel) => [kernel.name, kernel, folds] as const),
    [topKKernel.name, topKKernel, lanes] as const,
    [putKernel.name, putKernel, lanes] as const,
    ...Object.values(moveKernels).map((kernel) => [kernel.name, kernel, ranks] as const),
    [normGradientsKernel.name, normGradientsKernel, registers] as const,
  ])("%s", async (_, kernel, constants) => {
    for (const variant of variantsOf(kernel, constants)) expect(await validateWgsl(kernel, variant)).toEqual([]);
  });
});
