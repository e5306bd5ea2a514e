import type { Device, DType } from "@dilated/core";
import { tuned } from "../../tune/choice.ts";
import { type MatmulProblem, shapeClass } from "../problem.ts";
import { estimate, type MatrixSplit } from "./estimate.ts";
import { type MatrixTile, matrixTiles, workgroupBytes } from "./tiles.ts";
import { type MatrixUnits, matrixUnits } from "./units.ts";

/** How matrix units do a problem: the tile, and the parts that K is cut in. */
export interface MatrixPlan extends MatrixSplit {
  readonly units: MatrixUnits;
  readonly tile: MatrixTile;
}

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

/** Everything that is addressed starts at a multiple of this many elements. */
const ALIGN = 8;
/** With fewer rows a product waits for its weights, not for arithmetic. */
const FEWEST_ROWS = 16;

// Plans are looked up on every launch and take longer to make than to queue it. State of the device, as all caches are.
const known = new WeakMap<Device, Map<string, readonly MatrixPlan[]>>();
const MOST_KNOWN = 512;

/**
 * How matrix units would do a problem: one plan a tile, the one thought fastest first. Empty where they cannot, or are no help.
 * A tuner chooses among the names of their tiles, under the key of {@link matrixKey}.
 */
export function matrixPlans(device: Device, problem: MatmulProblem, layout: MatrixLayout): readonly MatrixPlan[] {
  const { batch, n, m, k, strideA, strideB, transposeA, transposeB } = problem;
  const { lda, ldb, ldc, firstA, firstC, splitting, dtypes } = layout;
  const [dtype, other] = dtypes;
  const aligned = [n, lda, ldb, ldc, strideA, strideB, firstA, firstC].every((size) => size % ALIGN === 0);
  if (!aligned || dtype !== other || m < FEWEST_ROWS || (dtype !== "f16" && dtype !== "f32")) return [];
  const units = matrixUnits(device, dtype);
  if (!units) return [];
  const plans = known.get(device) ?? new Map<string, readonly MatrixPlan[]>();
  known.set(device, plans);
  const key = [dtype, batch, m, n, k, transposeA, transposeB, splitting].join();
  const made = plans.get(key) ?? makePlans(device, problem, units, splitting);
  if (plans.size >= MOST_KNOWN) plans.clear();
  plans.set(key, made);
  return made;
}

function makePlans(device: Device, problem: MatmulProblem, units: MatrixUnits, splitting: boolean): MatrixPlan[] {
  const { maxWorkgroupSize, maxWorkgroupMemory, maxBindingBytes } = device.limits;
  return matrixTiles
    .filter(
      (tile) =>
        tile.SG_M * tile.SG_N * units.LANES <= maxWorkgroupSize &&
        workgroupBytes(tile, problem, units) <= maxWorkgroupMemory,
    )
    .map((tile) => ({ units, tile, ...estimate(problem, tile, splitting ? maxBindingBytes : 0) }))
    .sort((x, y) => x.cost - y.cost);
}

/** Names problems that one choice of plan should serve. */
export function matrixKey(problem: MatmulProblem, dtype: DType): string {
  return `matmul.matrix ${dtype} ${shapeClass(problem)}`;
}

/** The plan that is used. */
export function matrixPlan(device: Device, problem: MatmulProblem, layout: MatrixLayout): MatrixPlan | undefined {
  const plans = matrixPlans(device, problem, layout);
  if (plans.length < 2) return plans[0];
  const names = plans.map(({ tile }) => tile.name);
  const chosen = tuned(device, matrixKey(problem, layout.dtypes[0]), names);
  return plans.find(({ tile }) => tile.name === chosen) ?? plans[0];
}
