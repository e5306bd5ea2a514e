import { apply, checkCall, field, LimitError, Tensor } from "@dilated/core";
import { ONE_TENSOR } from "../shared/check.ts";
import { xposLogScale } from "./frequencies.ts";
import { rotateOp } from "./op.ts";
import { BASE, checkPositioned, POSITIONS } from "./validate.ts";

/** Options of {@link xpos}. */
export interface XposOptions {
  /** Position of the first token, or one position a token: i32 [N] or [B, N], magnitudes up to 2^24. @defaultValue 0 */
  readonly positions?: Tensor | number | undefined;
  /** false for queries, true for keys: keys are scaled by the inverse. @defaultValue false */
  readonly downscale?: boolean | undefined;
  /** Tokens over which pair j decays by (2j + 0.4 D) / (1.4 D). @defaultValue 512 */
  readonly scaleBase?: number | undefined;
  /** Pair j of D / 2 turns by base^(-2j / D) rad a token. @defaultValue 10000 */
  readonly base?: number | undefined;
  /**
   * Position at which the scale is 1. Scores depend on distances only, so any value gives the same attention as long as queries and keys share it;
   * the middle keeps the factors small. @defaultValue ceil((offset + N) / 2) as in torchscale; 0 when positions is a tensor
   */
  readonly centre?: number | undefined;
}

const options = field.options<XposOptions>({
  positions: field.optional(POSITIONS),
  downscale: field.optional(field.boolean()),
  scaleBase: field.optional(field.positive()),
  base: field.optional(BASE),
  centre: field.optional(field.custom("a whole number", Number.isInteger)),
});
const ARGUMENTS = { ...ONE_TENSOR, options };

/** Largest |log2| of a factor, and of what is left of its inverse: leaves room for the values themselves. */
const MAX_EXPONENT = { f32: 96, f16: 12 } as const;

/**
 * Extrapolatable position embedding (xPos): a rotation of channel pairs (2j, 2j + 1), and a factor that grows along queries and
 * shrinks along keys, so that scores decay with distance. Layout and centring are torchscale's; angles are exact at any position up to 2^24.
 *
 * @param x - [B, N, H, D], D a multiple of 4
 * @returns the rotated and scaled tensor, same shape and dtype; differentiable in x.
 * @throws LimitError when the factors would leave the range of the dtype: long sequences need a larger `scaleBase`.
 * @throws ShapeError, DtypeError, ConfigError
 * @see A Length-Extrapolatable Transformer (arXiv 2212.10554); torchscale `component/xpos_relative_position.py`
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { xpos } from "@dilated/kernels";
 * const device = await openDevice();
 * const [query, key] = [1, 2].map((seed) => device.randomNormal([1, 8, 4, 16], { seed })); // [B, N, H, D]
 * const q = xpos(query);
 * const k = xpos(key, { downscale: true });
 * device.dispose();
 * ```
 */
export function xpos(x: Tensor, options: XposOptions = {}): Tensor {
  checkCall("xpos", ARGUMENTS, arguments);
  const { positions = 0, downscale = false, scaleBase = 512, base = 10_000 } = options;
  checkPositioned("xpos", x, positions);
  const [, N = 0] = x.shape;
  const byTensor = positions instanceof Tensor;
  const offset = byTensor ? 0 : positions;
  const centre = options.centre ?? (byTensor ? 0 : Math.ceil((offset + N) / 2));
  if (!byTensor) checkRange(x, Math.max(Math.abs(offset - centre), Math.abs(offset + N - 1 - centre)), scaleBase);
  const rotation = {
    base,
    interleaved: true,
    offset,
    centre,
    scaleBase,
    power: downscale ? -1 : 1,
    direction: 1,
  } as const;
  return apply(rotateOp, [x, byTensor ? positions : undefined], rotation)[0] as Tensor;
}

function checkRange(x: Tensor, distance: number, scaleBase: number): void {
  const limit = MAX_EXPONENT[x.dtype === "f16" ? "f16" : "f32"];
  const logScale = -xposLogScale((x.shape[3] ?? 4) / 2, scaleBase)(0);
  if (distance * logScale <= limit) return;
  throw new LimitError(`xpos: factors would reach 2^${Math.ceil(distance * logScale)} in ${x.dtype}`, {
    details: [`largest distance from the centre: ${distance} tokens`, `scaleBase: ${scaleBase}`, `limit: 2^${limit}`],
    fix: `pass scaleBase: ${Math.ceil((scaleBase * distance * logScale) / limit)} or more${x.dtype === "f16" ? ", or use f32" : ""}`,
  });
}
