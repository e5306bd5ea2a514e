import type { Device, MatrixShape } from "@dilated/core";

/** What the matrix kernel is compiled for: result [MM, MN] += operand [MM, MK] · operand [MK, MN], by LANES invocations. */
export interface MatrixUnits {
  readonly MM: number;
  readonly MN: number;
  readonly MK: number;
  readonly LANES: number;
  /** Tensors are f16; otherwise f32. */
  readonly HALF: boolean;
  /** Operands are f32 inside, on GPUs whose matrix units have no f16 with f32 sums (Apple). */
  readonly WIDE: boolean;
}

/**
 * The matrix units for operands of a dtype, the largest shape first; undefined where the device has none that keep the promise: f32 sums,
 * and for f32 tensors f32 operands.
 */
export function matrixUnits(device: Device, dtype: "f16" | "f32"): MatrixUnits | undefined {
  if (device.info.tier !== "matrix") return undefined;
  const usable = (device.info.matrix ?? []).filter(fits);
  const best = (operand: string) =>
    usable.filter((shape) => shape.operand === operand).sort((x, y) => y.M * y.N * y.K - x.M * x.N * x.K)[0];
  const shape = (dtype === "f16" ? best("f16") : undefined) ?? best("f32");
  if (!shape) return undefined;
  const { M, N, K, lanes = 0, operand } = shape;
  return { MM: M, MN: N, MK: K, LANES: lanes, HALF: dtype === "f16", WIDE: operand === "f32" };
}

/** Tiles are multiples of 16, staged in blocks of 16 bytes, by workgroups whose subgroups have a known size. */
function fits({ result, M, N, K, lanes }: MatrixShape): boolean {
  return result === "f32" && lanes !== undefined && [M, N, K].every((size) => size % 8 === 0 && 16 % size === 0);
}
