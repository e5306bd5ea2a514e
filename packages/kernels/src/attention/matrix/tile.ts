import type { Device, DeviceLimits, DType, MatrixShape } from "@dilated/core";
import { tuned } from "../../tune/choice.ts";
import type { ResolvedAttention } from "../attention.options.ts";
import type { TileRole } from "../kernels/plan.ts";

/** How a matrix kernel is cut; the constants of tile.wgsl. */
export interface MatrixTile {
  /** Result [MM, MN] += operand [MM, MK] · operand [MK, MN]. */
  readonly MM: number;
  readonly MN: number;
  readonly MK: number;
  /** Invocations of a subgroup. */
  readonly LANES: number;
  /** 1: operands are f32, on GPUs whose matrix units have no f16 with f32 sums (Apple). */
  readonly WIDE: 0 | 1;
  /** Subgroups below each other, and side by side. */
  readonly WR: number;
  readonly WC: number;
  /** Row tiles of MM that one subgroup owns. */
  readonly RT: number;
  /** Columns a step. */
  readonly BK: number;
}

/** What of a {@link MatrixTile} is a matter of speed alone. */
export type MatrixCut = Pick<MatrixTile, "WR" | "WC" | "RT" | "BK">;

/** What forward, dQ, and dK and dV do for a row: their kernels differ in what they keep in registers. */
export type MatrixKernel = "forward" | TileRole;

/** Cuts to choose from, the default first. */
export const MATRIX_CUTS: Readonly<Record<MatrixKernel, readonly MatrixCut[]>> = {
  forward: [
    { WR: 2, WC: 2, RT: 2, BK: 32 },
    { WR: 4, WC: 2, RT: 2, BK: 32 },
    { WR: 4, WC: 1, RT: 1, BK: 32 },
    { WR: 2, WC: 1, RT: 1, BK: 16 },
  ],
  query: [
    { WR: 4, WC: 2, RT: 2, BK: 16 },
    { WR: 2, WC: 2, RT: 2, BK: 32 },
    { WR: 2, WC: 2, RT: 2, BK: 16 },
    { WR: 2, WC: 2, RT: 1, BK: 16 },
    { WR: 1, WC: 2, RT: 1, BK: 16 },
  ],
  key: [
    { WR: 4, WC: 2, RT: 2, BK: 16 },
    { WR: 2, WC: 2, RT: 2, BK: 32 },
    { WR: 2, WC: 2, RT: 2, BK: 16 },
    { WR: 2, WC: 2, RT: 1, BK: 16 },
    { WR: 1, WC: 2, RT: 1, BK: 16 },
  ],
};

/** The shape that the kernels use: f16 operands with f32 sums, the larger the better; else f32 operands. */
export function matrixShape(shapes: readonly MatrixShape[] | undefined): MatrixShape | undefined {
  const usable = (shapes ?? []).filter(
    ({ result, lanes, M, N, K }) =>
      result === "f32" && lanes !== undefined && lanes % M === 0 && 16 % N === 0 && 16 % K === 0 && 16 % M === 0,
  );
  const best = (operand: string): MatrixShape | undefined =>
    usable.filter((shape) => shape.operand === operand).sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K)[0];
  return best("f16") ?? best("f32");
}

/** Rows of a tile. */
export function matrixRows({ WR, RT, MM }: MatrixTile): number {
  return WR * RT * MM;
}

/** The tile of a call, or undefined where matrix units cannot serve it: f32 tensors are computed exactly, and D must be a multiple of 16. */
export function matrixTile(
  device: Device,
  dtype: DType,
  kernel: MatrixKernel,
  { D }: Pick<ResolvedAttention, "D">,
): MatrixTile | undefined {
  if (device.info.tier !== "matrix" || dtype !== "f16" || D % 16 !== 0) return undefined;
  const shape = matrixShape(device.info.matrix);
  if (!shape) return undefined;
  const fixed = fixedOf(shape);
  const chosen = tuned(device, `attention.${kernel}.${D}`, MATRIX_CUTS[kernel]);
  const cuts = [chosen, ...MATRIX_CUTS[kernel]].map((cut) => ({ ...fixed, ...cut }));
  return cuts.find((tile) => fits(device.limits, tile, kernel, D));
}

/** What of a tile the adapter decides. */
export function fixedOf({ M, N, K, lanes = 0, operand }: MatrixShape): Omit<MatrixTile, keyof MatrixCut> {
  return { MM: M, MN: N, MK: K, LANES: lanes, WIDE: operand === "f32" ? 1 : 0 };
}

/** Whether a device can run a tile. */
export function fits(
  limits: Pick<DeviceLimits, "maxWorkgroupSize" | "maxWorkgroupMemory">,
  tile: MatrixTile,
  kernel: MatrixKernel,
  D: number,
): boolean {
  const { WR, WC, RT, MN, BK, LANES } = tile;
  // Forward splits columns of scores and outputs among its WC subgroups; backward has one half do scores and the other their gradients.
  const splits = kernel === "forward" ? (D / MN) % WC === 0 && (BK / MN) % WC === 0 && RT % WC === 0 : WC === 2;
  const threads = WR * WC * LANES;
  return splits && threads <= limits.maxWorkgroupSize && workgroupBytes(tile, kernel, D) <= limits.maxWorkgroupMemory;
}

/** Workgroup memory of a kernel, with room for its small variables. */
export function workgroupBytes(tile: MatrixTile, kernel: MatrixKernel, D: number): number {
  const per = tile.WIDE ? 4 : 8;
  const rows = matrixRows(tile);
  const operands = (kernel === "forward" ? 2 : 4) * tile.BK * (D / per + 1);
  const scores = rows * (tile.BK / 4 + 1);
  const weights = rows * (tile.BK / per + 1);
  const pairs = kernel === "forward" ? 1 : 2;
  return 16 * (operands + pairs * (scores + weights)) + 8 * rows + 16 * tile.BK + 256;
}
