import type { Device, DType } from "@dilated/core";
import { tuned } from "../../tune/choice.ts";
import type { MatmulProblem } from "../problem.ts";
import { type MatrixTile, matrixTiles, workgroupBytes } from "./tiles.ts";
import { type MatrixUnits, matrixUnits } from "./units.ts";

/** A tile, and the parts that K is cut in. */
export interface MatrixPlan {
  readonly units: MatrixUnits;
  readonly tile: MatrixTile;
  readonly splits: number;
  /** Steps of K in a part. */
  readonly chunk: number;
}

/** Of a large GPU; smaller ones are filled sooner and choose large tiles a little late. */
const MULTIPROCESSORS = 132;
/** Microseconds: what a tile costs besides its steps of K, for itself and for each 128 x 128 results, and a second kernel besides its bytes. */
const TILE_US = 1;
const STORE_US = 2;
const PASS_US = 5;
/** Bytes a microsecond. */
const MEMORY = 2e6;
const MOST_SPLITS = 16;
/** Shorter parts of K cost more in partial sums than they win. */
const SHORTEST_CHUNK = 256;
/** With fewer rows a product waits for its weights, not for arithmetic. */
const FEWEST_ROWS = 16;

/** What decides whether matrix units can do a problem: everything that is addressed must start at a multiple of this many elements. */
const ALIGN = 8;

/** The sizes of a problem as they lie in memory. */
export interface MatrixLayout {
  readonly lda: number;
  readonly ldb: number;
  readonly ldc: number;
  readonly firstA: number;
  readonly firstC: number;
  readonly dtypes: readonly [a: DType, b: DType];
  /** C may be made as partial sums. */
  readonly splitting: boolean;
}

/**
 * How matrix units would do a problem: one plan a tile, the one thought fastest first. Empty where they cannot, or are no help.
 * A tuner chooses among the names of their tiles, under the key of {@link matrixKey}.
 */
export function matrixPlans(device: Device, problem: MatmulProblem, layout: MatrixLayout): MatrixPlan[] {
  const { n, m, k, strideA, strideB, batch } = problem;
  const {
    lda,
    ldb,
    ldc,
    firstA,
    firstC,
    splitting,
    dtypes: [dtype, other],
  } = layout;
  const aligned = [n, lda, ldb, ldc, strideA, strideB, firstA, firstC].every((size) => size % ALIGN === 0);
  if (!aligned || dtype !== other || m < FEWEST_ROWS || (dtype !== "f16" && dtype !== "f32")) return [];
  const units = matrixUnits(device, dtype);
  if (!units) return [];
  const { maxWorkgroupSize, maxWorkgroupMemory, maxBindingBytes } = device.limits;
  const fitting = matrixTiles.filter(
    (tile) =>
      tile.SG_M * tile.SG_N * units.LANES <= maxWorkgroupSize &&
      workgroupBytes(tile, problem, units) <= maxWorkgroupMemory,
  );
  const most = splitting && batch === 1 ? Math.min(MOST_SPLITS, k / SHORTEST_CHUNK, maxBindingBytes / (m * n * 4)) : 1;
  const best = fitting.map((tile) => {
    const all = Array.from({ length: Math.max(1, Math.floor(most)) }, (_, i) => {
      const chunk = Math.ceil(k / (i + 1) / tile.TILE_K) * tile.TILE_K;
      const plan = { units, tile, chunk, splits: Math.ceil(k / chunk) };
      return { plan, cost: microseconds(problem, plan) };
    });
    return all.reduce((x, y) => (y.cost < x.cost ? y : x));
  });
  return best.sort((x, y) => x.cost - y.cost).map(({ plan }) => plan);
}

/** Names problems that one choice of plan should serve: sizes by powers of two. */
export function matrixKey({ batch, m, n, k, transposeA, transposeB }: MatmulProblem, dtype: DType): string {
  const sizes = [batch, m, n, k].map((size) => Math.round(Math.log2(size)));
  return `matmul.matrix ${dtype} ${transposeA ? "t" : "n"}${transposeB ? "t" : "n"} ${sizes.join(" ")}`;
}

/** The plan that is used. */
export function matrixPlan(device: Device, problem: MatmulProblem, layout: MatrixLayout): MatrixPlan | undefined {
  const plans = matrixPlans(device, problem, layout);
  if (plans.length < 2) return plans[0];
  const names = plans.map(({ tile }) => tile.name);
  const chosen = tuned(device, matrixKey(problem, layout.dtypes[0]), names);
  return plans.find(({ tile }) => tile.name === chosen) ?? plans[0];
}

/** Rounds of tiles that fill the GPU, then a last one, then the sum of the parts. */
function microseconds({ batch, m, n }: MatmulProblem, { tile, splits, chunk }: MatrixPlan): number {
  const { SG_M, SG_N, ROWS, COLS, rate, resident, alone } = tile;
  const [tileM, tileN] = [SG_M * ROWS, SG_N * COLS];
  const tiles = batch * splits * Math.ceil(m / tileM) * Math.ceil(n / tileN);
  const results = tileM * tileN;
  const one = TILE_US + (STORE_US * results) / 128 ** 2 + (2 * results * chunk * MULTIPROCESSORS) / (rate * 1e6);
  const each = Math.ceil((tiles % (resident * MULTIPROCESSORS)) / MULTIPROCESSORS);
  const rounds = Math.floor(tiles / (resident * MULTIPROCESSORS)) * resident * one;
  const last = each > 0 ? Math.max(each, 1 / alone) * one : 0;
  const sums = splits > 1 ? PASS_US + (splits * m * n * 4) / MEMORY : 0;
  return rounds + last + sums;
}
