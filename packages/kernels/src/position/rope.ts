import { apply, checkCall, field, Tensor } from "@dilated/core";
import { ONE_TENSOR } from "../shared/check.ts";
import { rotateOp } from "./op.ts";
import { BASE, checkPositioned, POSITIONS } from "./validate.ts";

/** Options of {@link rope}. */
export interface RopeOptions {
  /** Position of the first token, or one position a token: i32 [N] or [B, N], magnitudes up to 2^24. @defaultValue 0 */
  readonly positions?: Tensor | number | undefined;
  /** Pair j of D / 2 turns by base^(-2j / D) rad a token. @defaultValue 10000 */
  readonly base?: number | undefined;
  /** true pairs channels (2j, 2j + 1) as the paper does; false pairs (j, j + D / 2) as GPT-NeoX and LLaMA weights do. @defaultValue false */
  readonly interleaved?: boolean | undefined;
}

const options = field.options<RopeOptions>({
  positions: field.optional(POSITIONS),
  base: field.optional(BASE),
  interleaved: field.optional(field.boolean()),
});
const ARGUMENTS = { ...ONE_TENSOR, options };

/**
 * Rotary position embedding. Angles are exact to f32 at any position up to 2^24.
 *
 * @param x - [B, N, H, D], D a multiple of 4
 * @returns the rotated tensor, same shape and dtype; differentiable in x.
 * @throws ShapeError, DtypeError, ConfigError
 * @see RoFormer (arXiv 2104.09864)
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { rope } from "@dilated/kernels";
 * const device = await openDevice();
 * const query = device.randomNormal([1, 8, 4, 16], { seed: 1 }); // [B, N, H, D]
 * const q = rope(query, { positions: 4096 }); // tokens 4096 to 4103 of a sequence
 * device.dispose();
 * ```
 */
export function rope(x: Tensor, options: RopeOptions = {}): Tensor {
  checkCall("rope", ARGUMENTS, arguments);
  const { positions = 0, base = 10_000, interleaved = false } = options;
  checkPositioned("rope", x, positions);
  const byTensor = positions instanceof Tensor;
  const rotation = { base, interleaved, offset: byTensor ? 0 : positions, centre: 0, power: 0, direction: 1 } as const;
  return apply(rotateOp, [x, byTensor ? positions : undefined], rotation)[0] as Tensor;
}
