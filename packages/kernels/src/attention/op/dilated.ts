import { checkCall, field } from "@dilated/core";
import { type DilatedAttentionOptions, resolveAttentionOptions } from "../pattern/options.ts";
import { ATTENTION_OPTIONS, MAX_HEADS } from "../pattern/validate.ts";
import { dilated as scheduleOf } from "../schedule/dilated/dilated.ts";
import type { Schedule } from "../schedule/schedule.ts";

/** Sizes that a schedule is made for. */
export interface ScheduleShape {
  /** Queries. */
  readonly N: number;
  /** Keys. @defaultValue N */
  readonly M?: number | undefined;
  /** Query heads. */
  readonly H: number;
  /** Key/value heads, which divide H. @defaultValue H */
  readonly G?: number | undefined;
}

/** Options of {@link dilated}: those of `dilatedAttention` that say which keys a query sees, and how. */
export type DilatedScheduleOptions = Pick<
  DilatedAttentionOptions,
  | "branches"
  | "headOffset"
  | "remainder"
  | "gradient"
  | "causal"
  | "window"
  | "queryOffset"
  | "cuSeqlens"
  | "cuSeqlensK"
>;

/** The rest says how scores are made, and what of them counts: a part is told that apart. */
const { heads: _h, softcap: _c, scale: _s, dropout: _d, keyMask: _k, ...SCHEDULE_OPTIONS } = ATTENTION_OPTIONS;
const SIZE = field.positiveInteger();
const HEADS = field.positiveInteger(MAX_HEADS);
const ARGUMENTS = {
  shape: field.object({ N: SIZE, M: field.optional(SIZE), H: HEADS, G: field.optional(HEADS) }),
  options: field.options<DilatedScheduleOptions>(SCHEDULE_OPTIONS),
};

/**
 * The schedule of dilated attention, for `attendPart`: which keys each query sees, by the branches and what else
 * `dilatedAttention` takes. Plain data and functions over it; nothing is queued. Keep it for as long as calls are
 * alike: plans are kept by its identity.
 *
 * @param shape - N queries, M keys, H query heads, G key/value heads; any batch and head dim
 * @param options - see {@link DilatedAttentionOptions}. `heads: "partitioned"`, which scales the output, is not among
 * them.
 * @throws ConfigError - an option or a size is wrong; lists every bad field
 * @throws ShapeError - G does not divide H
 * @throws LimitError - positions, or rows H·N, are beyond 32 bits
 * @see Ding et al., "LongNet: Scaling Transformers to 1,000,000,000 Tokens" (arXiv 2307.02486)
 */
export function dilated(shape: ScheduleShape, options: DilatedScheduleOptions): Schedule {
  checkCall("dilated", ARGUMENTS, arguments);
  const { N, M = N, H, G = H } = shape;
  const keys = [1, M, G, 4];
  return scheduleOf(resolveAttentionOptions("dilated", { q: [1, N, H, 4], k: keys, v: keys }, options));
}
