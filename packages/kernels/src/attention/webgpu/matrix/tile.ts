import type { Device, DeviceLimits, DType, MatrixShape } from "@dilated/core";
import { type Cached, cached } from "../../../shared/device-cache.ts";
import { tuned } from "../../../tune/choice.ts";
import type { KernelRole } from "../kernels.ts";

/** How a matrix kernel is cut; the constants of tile.wgsl. */
export interface MatrixTile {
  /** Result [UNIT_M, UNIT_N] += operand [UNIT_M, UNIT_K] · operand [UNIT_K, UNIT_N]. */
  readonly UNIT_M: number;
  readonly UNIT_N: number;
  readonly UNIT_K: number;
  /** Invocations of a subgroup. */
  readonly LANES: number;
  /** 1: operands are f32, on GPUs whose matrix units have no f16 with f32 sums (Apple). */
  readonly F32_OPERANDS: 0 | 1;
  /** Subgroups below each other, and side by side. */
  readonly SUBGROUPS_M: number;
  readonly SUBGROUPS_N: number;
  /** Row tiles of UNIT_M that one subgroup owns. */
  readonly ROW_TILES: number;
  /** Columns a step. */
  readonly BLOCK_N: number;
}

/** What of a {@link MatrixTile} is a matter of speed alone. */
export type MatrixCut = Pick<MatrixTile, "SUBGROUPS_M" | "SUBGROUPS_N" | "ROW_TILES" | "BLOCK_N">;

/** Tensors that the kernels bind. */
export const MATRIX_TENSORS: Readonly<Record<KernelRole, number>> = { forward: 8, query: 8, key: 9 };

/** Cuts to choose from, best first as measured on an H100 at D = 64 (docs/perf-log.md). */
export const MATRIX_CUTS: Readonly<Record<KernelRole, readonly MatrixCut[]>> = {
  forward: [
    { SUBGROUPS_M: 2, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 32 },
    { SUBGROUPS_M: 2, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 16 },
    { SUBGROUPS_M: 4, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 32 },
    { SUBGROUPS_M: 4, SUBGROUPS_N: 1, ROW_TILES: 1, BLOCK_N: 32 },
    { SUBGROUPS_M: 2, SUBGROUPS_N: 1, ROW_TILES: 2, BLOCK_N: 32 },
    { SUBGROUPS_M: 2, SUBGROUPS_N: 1, ROW_TILES: 2, BLOCK_N: 16 },
    { SUBGROUPS_M: 2, SUBGROUPS_N: 1, ROW_TILES: 1, BLOCK_N: 16 },
  ],
  query: [
    { SUBGROUPS_M: 2, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 16 },
    { SUBGROUPS_M: 4, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 16 },
    { SUBGROUPS_M: 2, SUBGROUPS_N: 4, ROW_TILES: 2, BLOCK_N: 32 },
    { SUBGROUPS_M: 4, SUBGROUPS_N: 2, ROW_TILES: 1, BLOCK_N: 16 },
    { SUBGROUPS_M: 2, SUBGROUPS_N: 2, ROW_TILES: 1, BLOCK_N: 16 },
    { SUBGROUPS_M: 1, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 16 },
    { SUBGROUPS_M: 1, SUBGROUPS_N: 2, ROW_TILES: 1, BLOCK_N: 16 },
  ],
  key: [
    { SUBGROUPS_M: 2, SUBGROUPS_N: 4, ROW_TILES: 2, BLOCK_N: 32 },
    { SUBGROUPS_M: 4, SUBGROUPS_N: 2, ROW_TILES: 1, BLOCK_N: 32 },
    { SUBGROUPS_M: 4, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 16 },
    { SUBGROUPS_M: 2, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 16 },
    { SUBGROUPS_M: 4, SUBGROUPS_N: 2, ROW_TILES: 1, BLOCK_N: 16 },
    { SUBGROUPS_M: 2, SUBGROUPS_N: 2, ROW_TILES: 1, BLOCK_N: 16 },
    { SUBGROUPS_M: 1, SUBGROUPS_N: 2, ROW_TILES: 2, BLOCK_N: 16 },
    { SUBGROUPS_M: 1, SUBGROUPS_N: 2, ROW_TILES: 1, BLOCK_N: 16 },
  ],
};

// What a multiprocessor holds, of an H100; other GPUs are alike enough to rank cuts by it.
/**
 * Registers of 32 lanes that operands and sums may take before a cut counts as heavy: the rest of a kernel needs as
 * many again.
 */
const LIGHT = 128;
const MULTIPROCESSOR_BYTES = 100_000;
/** Subgroups of that many registers each, and more than these hide no more. */
const MOST_SUBGROUPS = 16;

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
export function matrixRows({ SUBGROUPS_M, ROW_TILES, UNIT_M }: MatrixTile): number {
  return SUBGROUPS_M * ROW_TILES * UNIT_M;
}

/**
 * The tile of a call, or undefined where matrix units cannot serve it: f32 tensors are computed exactly, D must be a
 * multiple of 16, and v must have the same head dim.
 */
export function matrixTile(
  device: Device,
  dtype: DType,
  kernel: KernelRole,
  { D, Dv = D }: { readonly D: number; readonly Dv?: number | undefined },
): MatrixTile | undefined {
  const { info, limits } = device;
  if (info.tier !== "matrix" || dtype !== "f16" || D % 16 !== 0 || Dv !== D) return undefined;
  // That of dK and dV binds more than the eight of plain WebGPU, and a device that was lent may have no more.
  if (limits.maxKernelTensors < MATRIX_TENSORS[kernel]) return undefined;
  const { fixed, cuts } = offered(device, kernel, D);
  if (!fixed) return undefined;
  const tile = (cut: MatrixCut | undefined): MatrixTile | undefined => cut && { ...fixed, ...cut };
  const [usual] = cuts;
  const chosen = tuned(device, `attention.${kernel}.${D}`, cuts);
  if (chosen === usual) return tile(usual);
  return [chosen, usual].map(tile).find((each) => each && fits(limits, each, kernel, D));
}

interface Offer extends Cached {
  readonly fixed: Omit<MatrixTile, keyof MatrixCut> | undefined;
  /** That fit the device, the default first. */
  readonly cuts: readonly MatrixCut[];
}

/** What a device can choose from. Asked for at every launch, and ranking takes as long as queueing one. */
function offered(device: Device, kernel: KernelRole, D: number): Offer {
  return cached(device, `cuts ${kernel} ${D}`, () => {
    const shape = matrixShape(device.info.matrix);
    if (!shape) return { tables: [], fixed: undefined, cuts: [] };
    const fixed = fixedOf(shape);
    const tile = (cut: MatrixCut): MatrixTile => ({ ...fixed, ...cut });
    const fitting = MATRIX_CUTS[kernel].filter((cut) => fits(device.limits, tile(cut), kernel, D));
    const usual = usualCut(
      fitting,
      (cut) => registers(tile(cut), kernel, D),
      (cut) => subgroupsAtOnce(tile(cut), kernel, D),
    );
    return { tables: [], fixed, cuts: usual ? [usual, ...fitting.filter((cut) => cut !== usual)] : [] };
  });
}

/**
 * The cut to take without tuning: of those that are not heavy the first, or one of as large a workgroup that puts more
 * subgroups on a multiprocessor (1.5 times faster at D = 128). Where all are heavy, the smallest.
 */
function usualCut(
  fitting: readonly MatrixCut[],
  registersOf: (cut: MatrixCut) => number,
  subgroupsOf: (cut: MatrixCut) => number,
): MatrixCut | undefined {
  const [first, ...rest] = fitting.filter((cut) => registersOf(cut) <= LIGHT);
  if (!first) return fitting.at(-1);
  const large = rest.filter(
    ({ SUBGROUPS_M, SUBGROUPS_N }) => SUBGROUPS_M * SUBGROUPS_N >= first.SUBGROUPS_M * first.SUBGROUPS_N,
  );
  return large.reduce((best, cut) => (subgroupsOf(cut) > subgroupsOf(best) ? cut : best), first);
}

/** What of a tile the adapter decides. */
export function fixedOf({ M, N, K, lanes = 0, operand }: MatrixShape): Omit<MatrixTile, keyof MatrixCut> {
  return { UNIT_M: M, UNIT_N: N, UNIT_K: K, LANES: lanes, F32_OPERANDS: operand === "f32" ? 1 : 0 };
}

/** Whether a device can run a tile. */
export function fits(
  limits: Pick<DeviceLimits, "maxWorkgroupSize" | "maxWorkgroupMemory">,
  tile: MatrixTile,
  kernel: KernelRole,
  D: number,
): boolean {
  const { SUBGROUPS_M, SUBGROUPS_N, ROW_TILES, UNIT_M, UNIT_N, BLOCK_N, LANES } = tile;
  const [rows, columns, width] = [(ROW_TILES * UNIT_M) / UNIT_N, BLOCK_N / UNIT_M, D / UNIT_N];
  const whole = (...parts: readonly number[]): boolean => parts.every(Number.isInteger);
  // Forward splits scores and outputs among its SUBGROUPS_N subgroups side by side; in backward one half of them does
  // scores, the other their gradients, and each half splits as well. One subgroup may do a remainder of columns twice,
  // several may not.
  const slices = kernel === "forward" ? SUBGROUPS_N : SUBGROUPS_N / 2;
  const outputs = kernel === "query" ? (slices === 1 ? width : width / (2 * slices)) : width / slices;
  const splits =
    whole(rows, slices, columns / slices, BLOCK_N / UNIT_N / slices, outputs) &&
    (kernel !== "forward" || whole(ROW_TILES / SUBGROUPS_N));
  const threads = SUBGROUPS_M * SUBGROUPS_N * LANES;
  return splits && threads <= limits.maxWorkgroupSize && workgroupBytes(tile, kernel, D) <= limits.maxWorkgroupMemory;
}

/** Words that a lane keeps: rows as operands, and sums. */
function registers(
  { SUBGROUPS_N, ROW_TILES, UNIT_M, UNIT_N, LANES, F32_OPERANDS }: MatrixTile,
  kernel: KernelRole,
  D: number,
): number {
  const rows = (ROW_TILES * UNIT_M * D) / LANES / (F32_OPERANDS ? 1 : 2);
  const split = kernel === "key" ? SUBGROUPS_N / 2 : SUBGROUPS_N;
  return rows + (ROW_TILES * UNIT_M * Math.ceil(D / UNIT_N / split) * UNIT_N) / LANES;
}

/** Subgroups that a multiprocessor runs side by side: what hides the latency of each. */
function subgroupsAtOnce(tile: MatrixTile, kernel: KernelRole, D: number): number {
  const workgroups = Math.floor(MULTIPROCESSOR_BYTES / workgroupBytes(tile, kernel, D));
  return Math.min(workgroups * tile.SUBGROUPS_M * tile.SUBGROUPS_N, MOST_SUBGROUPS);
}

/** Workgroup memory of a kernel, with room for its small variables. */
export function workgroupBytes(tile: MatrixTile, kernel: KernelRole, D: number): number {
  const per = tile.F32_OPERANDS ? 4 : 8;
  const rows = matrixRows(tile);
  const operands = { forward: 2, query: 3, key: 4 }[kernel] * tile.BLOCK_N * (D / per + 1);
  const scores = rows * (tile.BLOCK_N / 4 + 1);
  const weights = rows * (tile.BLOCK_N / per + 1);
  const [scored, weighed] = { forward: [1, 1], query: [2, 1], key: [2, 2] }[kernel] as [number, number];
  return 16 * (operands + scored * scores + weighed * weights) + 8 * rows + 16 * tile.BLOCK_N + 256;
}
