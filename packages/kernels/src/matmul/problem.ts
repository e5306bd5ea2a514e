import type { Device, Maybe, Tensor, TensorArgument } from "@dilated/core";
import { tuned } from "../tune/choice.ts";
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
  /** C = activation(alpha · op(A) · op(B) + bias) + residual; matrix kernels only, as are `residual` and `before` below. */
  readonly activation?: Maybe<LinearActivation>;
}

/** What a dense layer may end with: curves of `activation/`. */
export type LinearActivation = "relu" | "silu" | "gelu";

/** Tensors of a problem. */
export interface MatmulOperands {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly c: Tensor;
  readonly bias?: Maybe<Tensor>;
  /** Shape and dtype of C, added last. */
  readonly residual?: Maybe<Tensor>;
  /** Shape and dtype of C: takes what the activation is given. */
  readonly before?: Maybe<Tensor>;
}

/** One launch of a problem whose tensors are longer than a binding: the same matrices, less of them. */
export interface MatmulPiece {
  readonly problem: MatmulProblem;
  readonly a: TensorArgument;
  readonly b: TensorArgument;
  readonly c: TensorArgument;
  readonly bias: Maybe<TensorArgument>;
  /** Whole problems only. */
  readonly residual: Maybe<Tensor>;
  readonly before: Maybe<Tensor>;
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
  /** Compile-time constants of the body; an invocation does ROWS x COLS elements. */
  readonly constants: {
    readonly TILE_M: number;
    readonly TILE_N: number;
    readonly ROWS: number;
    readonly COLS: number;
    readonly LANES: number;
  };
}

/** What a device may run. Measured on an H100 in f32: large 37 TFLOP/s on 8,192 cubed; on 4,096 cubed medium 32, small 24, direct 7. */
export const tileVariants: Readonly<Record<"large" | "medium" | "small" | "direct", TileVariant>> = {
  /** The best portable shape in research/webgpu-kernels.md 1.2. */
  large: { body: "tile", constants: { TILE_M: 128, TILE_N: 64, ROWS: 8, COLS: 4, LANES: 256 } },
  medium: { body: "tile", constants: { TILE_M: 64, TILE_N: 64, ROWS: 8, COLS: 4, LANES: 128 } },
  small: { body: "tile", constants: { TILE_M: 32, TILE_N: 32, ROWS: 4, COLS: 4, LANES: 64 } },
  direct: { body: "direct", constants: { TILE_M: 32, TILE_N: 32, ROWS: 4, COLS: 4, LANES: 64 } },
};

/** Invocations that keep a large GPU busy: 132 multiprocessors of about 1,000 each. */
const ENOUGH_LANES = 131_072;
/** Steps of K that a part has at least: shorter ones cost more in partial sums than they win. */
const SPLIT_K = 1024;

export function tilesOf({ batch, m, n }: MatmulProblem, { constants: { TILE_M, TILE_N } }: TileVariant): number {
  return batch * Math.ceil(m / TILE_M) * Math.ceil(n / TILE_N);
}

/** Names problems that one choice of tile should serve: sizes by powers of two. */
export function shapeClass({ batch, m, n, k, transposeA, transposeB }: MatmulProblem): string {
  const sizes = [batch, m, n, k].map((size) => Math.round(Math.log2(size)));
  return `${transposeA ? "t" : "n"}${transposeB ? "t" : "n"} ${sizes.join(" ")}`;
}

/** The tile without matrix units; with them, see matrix/plan.ts. */
export function chooseVariant(device: Device, problem: MatmulProblem): TileVariant {
  if (device.info.software) return tileVariants.direct;
  const usual = usualVariant(device, problem);
  const able = NAMES.filter((name) => tileVariants[name].constants.LANES <= device.limits.maxWorkgroupSize);
  const names = [usual, ...able.filter((name) => name !== usual)];
  return tileVariants[tuned(device, `matmul.tile ${shapeClass(problem)}`, names)];
}

type VariantName = keyof typeof tileVariants;

const NAMES = Object.keys(tileVariants) as VariantName[];

function usualVariant({ limits: { maxWorkgroupSize } }: Device, problem: MatmulProblem): VariantName {
  const busy = (name: VariantName, share: number) => {
    const variant = tileVariants[name];
    return maxWorkgroupSize >= variant.constants.LANES && lanesOf(problem, variant) >= ENOUGH_LANES / share;
  };
  if (busy("large", 1)) return "large";
  return problem.m > tileVariants.small.constants.TILE_M && busy("medium", 4) ? "medium" : "small";
}

/** Invocations at work, with K cut as far as it is worth. */
function lanesOf(problem: MatmulProblem, variant: TileVariant): number {
  const splits = variant === tileVariants.large ? 1 : chooseSplits(problem, variant);
  return tilesOf(problem, variant) * splits * variant.constants.LANES;
}

/** Parts that K is cut in where C alone has too few tiles. Partial results are summed in order. */
export function chooseSplits(problem: MatmulProblem, variant: TileVariant): number {
  if (problem.batch !== 1) return 1;
  const wanted = Math.floor(ENOUGH_LANES / variant.constants.LANES / tilesOf(problem, variant));
  return Math.max(1, Math.min(wanted, Math.floor(problem.k / SPLIT_K), 64));
}
