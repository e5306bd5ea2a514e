import type { Device, Maybe, Tensor, TensorArgument } from "@dilated/core";
import type { MatmulBody } from "./kernels.ts";

/** C = alpha · op(A) · op(B) + bias (+ C): sizes and strides in elements. A, B and C are dense matrices, batched at strides. */
export interface MatmulProblem {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** A lies as [K, M]. */
  readonly transposeA: boolean;
  /** B lies as [N, K]. */
  readonly transposeB: boolean;
  /** Elements between the matrices of a batch; 0 shares one. */
  readonly strideA: number;
  readonly strideB: number;
  readonly alpha: number;
  /** Adds to what C holds. */
  readonly accumulate: boolean;
}

/** Tensors of a problem. */
export interface MatmulOperands {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly c: Tensor;
  readonly bias?: Maybe<Tensor>;
}

/** One launch of a problem whose tensors are longer than a binding: the same matrices, less of them. */
export interface MatmulPiece {
  readonly problem: MatmulProblem;
  readonly a: TensorArgument;
  readonly b: TensorArgument;
  readonly c: TensorArgument;
  readonly bias: Maybe<TensorArgument>;
  /** Distance of rows, where it differs from the width of the piece. */
  readonly lda: number;
  readonly ldb: number;
  readonly ldc: number;
  /** Elements before the piece inside A and C. */
  readonly firstA: number;
  readonly firstC: number;
}

/** How tiles of C are shared out on WebGPU. */
export interface TileVariant {
  readonly body: MatmulBody;
  /** Compile-time constants of the body; an invocation does ROWS x 4 elements. */
  readonly constants: {
    readonly TILE_M: number;
    readonly TILE_N: number;
    readonly ROWS: number;
    readonly LANES: number;
  };
}

/** What a device may run; `large` is the best portable shape in research/webgpu-kernels.md 1.2 (28 TFLOP/s in f32 on an H100). */
export const tileVariants: Readonly<Record<"large" | "small" | "direct", TileVariant>> = {
  large: { body: "tile", constants: { TILE_M: 128, TILE_N: 64, ROWS: 8, LANES: 256 } },
  small: { body: "tile", constants: { TILE_M: 32, TILE_N: 32, ROWS: 4, LANES: 64 } },
  direct: { body: "direct", constants: { TILE_M: 32, TILE_N: 32, ROWS: 4, LANES: 64 } },
};

/** Workgroups below which large tiles leave a GPU idle. */
const ENOUGH_TILES = 96;

export function tilesOf({ batch, m, n }: MatmulProblem, { constants: { TILE_M, TILE_N } }: TileVariant): number {
  return batch * Math.ceil(m / TILE_M) * Math.ceil(n / TILE_N);
}

/** The place where a tensor-core variant will be chosen by `device.info.tier`. */
export function chooseVariant(device: Device, problem: MatmulProblem): TileVariant {
  const { large, small, direct } = tileVariants;
  if (device.info.software) return direct;
  const fits = device.limits.maxWorkgroupSize >= large.constants.LANES;
  return fits && problem.m > 32 && tilesOf(problem, large) >= ENOUGH_TILES ? large : small;
}

/** Parts that K is cut in where C alone has too few tiles; each at least 256 long. Partial results are summed in order. */
export function chooseSplits(problem: MatmulProblem, variant: TileVariant): number {
  if (problem.batch !== 1) return 1;
  const wanted = Math.floor((2 * ENOUGH_TILES) / tilesOf(problem, variant));
  return Math.max(1, Math.min(wanted, Math.floor(problem.k / 256), 64));
}
