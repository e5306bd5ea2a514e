import type { MatmulProblem } from "../problem.ts";
import type { MatrixUnits } from "./units.ts";

/** How the result is shared out: a workgroup of SG_M x SG_N subgroups does SG_M·ROWS x SG_N·COLS of it, TILE_K steps of K at a time. */
export interface MatrixTile {
  readonly name: string;
  readonly SG_M: number;
  readonly SG_N: number;
  /** Result rows and columns of a subgroup. */
  readonly ROWS: number;
  readonly COLS: number;
  readonly TILE_K: number;
  /** What plans are compared by, f16 on an H100: TFLOP/s of many such tiles, ... */
  readonly rate: number;
  /** ... how many share a multiprocessor, and the part of its speed that one alone reaches. */
  readonly resident: number;
  readonly alone: number;
}

/** What there is to choose from. */
export const matrixTiles: readonly MatrixTile[] = [
  { name: "128x128", SG_M: 2, SG_N: 2, ROWS: 64, COLS: 64, TILE_K: 32, rate: 320, resident: 2, alone: 0.62 },
  { name: "128x256", SG_M: 2, SG_N: 4, ROWS: 64, COLS: 64, TILE_K: 32, rate: 285, resident: 1, alone: 1 },
  { name: "64x128", SG_M: 2, SG_N: 2, ROWS: 32, COLS: 64, TILE_K: 32, rate: 205, resident: 3, alone: 0.5 },
  { name: "64x64", SG_M: 2, SG_N: 2, ROWS: 32, COLS: 32, TILE_K: 32, rate: 180, resident: 5, alone: 0.4 },
];

/** Workgroup memory of matrix.wgsl: operands while it multiplies, then strips of the result. */
export function workgroupBytes(
  tile: MatrixTile,
  { transposeA, transposeB }: Pick<MatmulProblem, "transposeA" | "transposeB">,
  { WIDE, MM }: MatrixUnits,
): number {
  const { SG_M, SG_N, ROWS, COLS, TILE_K } = tile;
  const per = WIDE ? 4 : 8;
  const staged = (rows: number, lies: boolean) => (lies ? rows * (TILE_K / per + 1) : TILE_K * (rows / per + 1));
  const operands = staged(SG_M * ROWS, !transposeA) + staged(SG_N * COLS, transposeB);
  return 16 * Math.max(operands, SG_M * SG_N * MM * (COLS / 4 + 1));
}
