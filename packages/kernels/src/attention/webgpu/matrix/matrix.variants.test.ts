import type { Device, DType, KernelDefinition, MatrixShape } from "@dilated/core";
import { validateWgsl } from "@dilated-internal/testing/validate-wgsl";
import { describe, expect, it } from "vitest";
import { pretendDevice } from "../../../shared/test-utils/pretend-device.ts";
import { dilatedText } from "../../schedule/dilated/dilated.ts";
import { type KernelRole, kernelsFor } from "../kernels.ts";
import { fits, fixedOf, MATRIX_CUTS, MATRIX_TENSORS, matrixShape, matrixTile } from "./tile.ts";

const KERNELS = kernelsFor(dilatedText).matrix;

/** What adapters of today report, among others. */
const ADAPTERS: Readonly<Record<string, readonly MatrixShape[]>> = {
  nvidia: [
    { operand: "f16", result: "f16", M: 16, N: 16, K: 16, lanes: 32 },
    { operand: "f16", result: "f32", M: 16, N: 8, K: 16, lanes: 32 },
    { operand: "f16", result: "f32", M: 16, N: 16, K: 16, lanes: 32 },
    { operand: "u8", result: "u32", M: 16, N: 16, K: 32, lanes: 32 },
  ],
  amd: [{ operand: "f16", result: "f32", M: 16, N: 16, K: 16, lanes: 64 }],
  intel: [{ operand: "f16", result: "f32", M: 8, N: 16, K: 16, lanes: 16 }],
  apple: [
    { operand: "f16", result: "f16", M: 8, N: 8, K: 8, lanes: 32 },
    { operand: "f32", result: "f32", M: 8, N: 8, K: 8, lanes: 32 },
  ],
};

const WIDTHS = [16, 48, 64, 128, 256];
/** Workgroup memory that those adapters have, and the widths that their matrix units serve within it; others take the kernels of the lower tiers. */
const MEMORY: Readonly<Record<string, number>> = { nvidia: 49_152, amd: 65_536, intel: 49_152, apple: 32_768 };
const SERVED: Readonly<Record<string, readonly number[]>> = {
  nvidia: WIDTHS,
  amd: WIDTHS,
  intel: WIDTHS,
  apple: [16, 48, 64],
};

function dtypesOf(kernel: KernelDefinition, optional: boolean): (DType | undefined)[] {
  return Object.entries(kernel.tensors).map(([name, slot]) => {
    if (slot.optional && !optional) return undefined;
    return slot.dtype ?? (name === "plan" ? "u32" : "f32");
  });
}

describe("the matrix kernels", () => {
  it("choose f16 operands with f32 sums, the larger the better, else f32 operands", () => {
    const chosen = Object.values(ADAPTERS).map((shapes) => matrixShape(shapes));
    expect(chosen.map((shape) => [shape?.operand, shape?.result, shape?.M, shape?.N, shape?.K].join())).toEqual([
      "f16,f32,16,16,16",
      "f16,f32,16,16,16",
      "f16,f32,8,16,16",
      "f32,f32,8,8,8",
    ]);
    expect(matrixShape([])).toBeUndefined();
    expect(matrixShape([{ operand: "f16", result: "f32", M: 16, N: 16, K: 16 }])).toBeUndefined();
  });

  it("take the cuts that were fastest on an H100", () => {
    const limits = { maxWorkgroupMemory: 49_152, maxWorkgroupSize: 1024, maxKernelTensors: 10 };
    const device = pretendDevice({ info: { tier: "matrix", matrix: ADAPTERS.nvidia }, limits });
    const cuts = (D: number): unknown[] =>
      (Object.keys(KERNELS) as KernelRole[]).map((kernel) => {
        const { SUBGROUPS_M, SUBGROUPS_N, ROW_TILES, BLOCK_N } = matrixTile(device, "f16", kernel, { D }) ?? {};
        return [SUBGROUPS_M, SUBGROUPS_N, ROW_TILES, BLOCK_N];
      });
    // In the order of KERNELS; docs/perf-log.md has the times.
    expect(cuts(64)).toEqual([
      [2, 2, 2, 32],
      [2, 2, 2, 16],
      [2, 4, 2, 32],
    ]);
    expect(cuts(128)).toEqual([
      [4, 2, 2, 32],
      [4, 2, 2, 16],
      [4, 2, 1, 16],
    ]);
  });

  it("are left alone where a lent device binds too few tensors, and kept where it binds enough", () => {
    const device = (maxKernelTensors: number): Device =>
      pretendDevice({
        info: { tier: "matrix", matrix: ADAPTERS.nvidia },
        limits: { maxWorkgroupMemory: 49_152, maxWorkgroupSize: 1024, maxKernelTensors },
      });
    const kept = (most: number): KernelRole[] =>
      (Object.keys(KERNELS) as KernelRole[]).filter((kernel) => matrixTile(device(most), "f16", kernel, { D: 64 }));
    expect([kept(8), kept(9)]).toEqual([
      ["forward", "query"],
      ["forward", "query", "key"],
    ]);
    for (const [name, kernel] of Object.entries(KERNELS)) {
      expect(Object.values(kernel.tensors).length, name).toBe(MATRIX_TENSORS[name as KernelRole]);
    }
  });

  it("leave values of another head dim to the other kernels", () => {
    const limits = { maxWorkgroupMemory: 49_152, maxWorkgroupSize: 1024, maxKernelTensors: 10 };
    const device = { info: { tier: "matrix", matrix: ADAPTERS.nvidia }, limits } as unknown as Device;
    expect(matrixTile(device, "f16", "forward", { D: 64, Dv: 64 })).toBeDefined();
    expect(matrixTile(device, "f16", "forward", { D: 64, Dv: 128 })).toBeUndefined();
  });

  it.each(Object.keys(ADAPTERS))("have a cut for every width that fits on %s", (adapter) => {
    const shape = matrixShape(ADAPTERS[adapter]) as MatrixShape;
    const limits = { maxWorkgroupMemory: MEMORY[adapter] as number, maxWorkgroupSize: 256 };
    const served = WIDTHS.filter((D) =>
      (Object.keys(KERNELS) as KernelRole[]).every((kernel) =>
        MATRIX_CUTS[kernel].some((cut) => fits(limits, { ...fixedOf(shape), ...cut }, kernel, D)),
      ),
    );
    expect(served).toEqual(SERVED[adapter]);
  });

  describe.each(Object.keys(ADAPTERS))("are valid WGSL in every cut on %s", (adapter) => {
    const fixed = fixedOf(matrixShape(ADAPTERS[adapter]) as MatrixShape);
    it.each(Object.keys(KERNELS) as KernelRole[])("%s", async (name) => {
      const kernel = KERNELS[name] as unknown as KernelDefinition;
      const limits = { maxWorkgroupMemory: 65_536, maxWorkgroupSize: 1024 };
      for (const [i, D] of WIDTHS.entries()) {
        for (const cut of MATRIX_CUTS[name].filter((each) => fits(limits, { ...fixed, ...each }, name, D))) {
          // A cut serves several widths: one has all options, the next none; the width that most models have, both.
          for (const on of D === 64 ? [false, true] : [i % 2 === 0]) {
            const constants = {
              ...fixed,
              ...cut,
              D,
              DROPOUT: on,
              SOFTCAP: Number(on),
              F32_STATE: Number(on),
              WINDOW: Number(on),
              ...(name === "forward" ? {} : { HAS_MASK: on, SINGLE_KEY: on }),
            };
            const found = await validateWgsl(kernel, { dtypes: dtypesOf(kernel, on), constants });
            expect(found, `D = ${D}, ${JSON.stringify(cut)}`).toEqual([]);
          }
        }
      }
    });
  });
});
