import { ConfigError, checkCall, type Field, field } from "@dilated/core";
import type { DilatedAttentionOptions } from "../attention/pattern/options.ts";
import { type ResolvedAttention, resolveAttentionOptions } from "../attention/pattern/options.ts";
import { ATTENTION_OPTIONS, MAX_HEADS } from "../attention/pattern/validate.ts";
import { offsetOf, realRows } from "../attention/schedule/dilated/geometry.ts";
import { xposLogScale } from "../position/frequencies.ts";

/** The heads that decode, and their widths. */
export interface DecodeShape {
  /** Query heads. */
  readonly H: number;
  /** Key/value heads, a divisor of H. @defaultValue H */
  readonly G?: number;
  /** Head dim, a multiple of 4 up to 256. */
  readonly D: number;
}

/** The pattern that is decoded: options of `dilatedAttention` that have a meaning one token at a time. It is always causal. */
export interface DecodeOptions extends Pick<DilatedAttentionOptions, "branches" | "headOffset" | "heads" | "scale"> {
  /** Positions stay below this: buffers of longer segments are cut to it. @defaultValue no limit */
  readonly length?: number | undefined;
  /**
   * Lets scores decay with distance as `xpos` does with this `scaleBase`. Queries and keys are then given rotated but not scaled, as
   * `rope(x, { interleaved: true })` gives them. @defaultValue no decay
   */
  readonly xposScaleBase?: number | undefined;
}

/** The rows of one key/value head that one branch still sees: those of one residue in the current segment, in order. */
export interface DecodeStream {
  readonly w: number;
  readonly r: number;
  readonly s: number;
  /** Key/value head. */
  readonly g: number;
  /** First row of its buffer. */
  readonly base: number;
  /** Rows of its buffer: ceil((w - s) / r). */
  readonly capacity: number;
}

/** Where every key lives while something can still see it. Frozen data that only {@link decodePlan} makes; see {@link decodePlan}. */
export interface DecodePlan {
  readonly H: number;
  readonly G: number;
  readonly D: number;
  readonly scale: number;
  readonly outScale: number;
  /** Positions must stay below this. */
  readonly limit: number;
  readonly streams: readonly DecodeStream[];
  /** Streams that each head reads, one a branch; heads of one key/value head that keep the same rows share them. */
  readonly heads: readonly (readonly number[])[];
  /** Rows of K (and of V) a sequence: the sum of the capacities. */
  readonly rows: number;
  /**
   * Every branch has a segment boundary at its multiples, so no token sees across one: positions may be counted from the last.
   * Infinity when there is none below 2^23.
   */
  readonly period: number;
  /** xPos: log2 of what a score loses a token of distance, one for each pair of channels; at most 0. */
  readonly decay: readonly number[] | undefined;
  /** xPos: keys are scaled relative to the middle of aligned blocks of this many tokens, a power of two. */
  readonly block: number;
}

/** Positions are 24-bit: beyond, f32 angles and factors lose their last digits. */
export const MAX_DECODE_POSITION: number = 2 ** 24;
const MAX_PERIOD = 2 ** 23;

const { branches, headOffset, heads, scale } = ATTENTION_OPTIONS;
const options = field.options<DecodeOptions>({
  branches,
  headOffset,
  heads,
  scale,
  length: field.optional(field.positiveInteger(MAX_DECODE_POSITION)),
  xposScaleBase: field.optional(field.positive()),
});
const SIZE = field.positiveInteger();
const ARGUMENTS = {
  shape: field.object({ H: field.positiveInteger(MAX_HEADS), G: field.optional(SIZE), D: SIZE }),
  options,
};

/** Every plan that was made, and nothing else: kernels read what it says without looking. */
const plans: WeakSet<object> = new WeakSet();
export const DECODE_PLAN: Field<DecodePlan> = field.made("a plan made by decodePlan", plans);

/** Largest |log2| of what a stored key is scaled by: f16 has room for it. */
const MAX_BLOCK_EXPONENT = 4;
const MAX_BLOCK = 4096;
/** Elements of one sequence's keys that kernels can count. */
const MAX_ELEMENTS = 2 ** 31;

/**
 * Lays out the dilated KV cache. A token t takes part in branch i for head h when `(t mod w_i) mod r_i == s_i(h)` and then sees only the current
 * segment, so a (branch, residue, key/value head) needs ceil((w_i - s) / r_i) rows, whatever the length: the buffer starts anew with each segment.
 *
 * @throws ShapeError, LimitError, ConfigError - as `dilatedAttention` does for the same heads and options
 */
export function decodePlan(shape: DecodeShape, options: DecodeOptions): DecodePlan {
  checkCall("decodePlan", ARGUMENTS, arguments);
  const { H, G = H, D } = shape;
  const { length, xposScaleBase, ...pattern } = options;
  const limit = Math.min(length ?? MAX_DECODE_POSITION, MAX_DECODE_POSITION);
  const resolved = resolve({ H, G, D }, pattern, limit);
  const decay =
    xposScaleBase === undefined
      ? undefined
      : Object.freeze(Array.from({ length: D / 2 }, (_, j) => xposLogScale(D / 2, xposScaleBase)(j)));
  const plan: DecodePlan = Object.freeze({
    H,
    G,
    D,
    scale: resolved.scale,
    outScale: resolved.outScale,
    limit,
    ...layOut(resolved),
    period: options.branches.some(({ segment }) => segment > limit)
      ? Number.POSITIVE_INFINITY // a segment that was cut does not end where its buffer does
      : commonMultiple(resolved.branches.map(({ w }) => w)),
    decay,
    block: decay ? blockOf(Math.abs(decay[0] ?? 0)) : 1,
  });
  plans.add(plan);
  return plan;
}

/** The options as attention resolves them, on a sequence as long as may come. */
function resolve(
  { H, G, D }: Required<DecodeShape>,
  pattern: Omit<DecodeOptions, "length" | "xposScaleBase">,
  limit: number,
): ResolvedAttention {
  const kv = [1, limit, G, D];
  return resolveAttentionOptions("decodePlan", { q: [1, limit, H, D], k: kv, v: kv }, { ...pattern, causal: true });
}

function layOut(resolved: ResolvedAttention): Pick<DecodePlan, "streams" | "heads" | "rows"> {
  const { H, G, branches } = resolved;
  const streams: DecodeStream[] = [];
  const known = new Map<string, number>();
  let rows = 0;
  const heads = Array.from({ length: H }, (_, h) => {
    const own = branches.flatMap((branch) => {
      const { w, r } = branch;
      const s = offsetOf(branch, h);
      const g = Math.floor(h / (H / G));
      const capacity = s < 0 ? 0 : realRows(w, r, s);
      if (capacity === 0) return [];
      const key = [w, r, s, g].join();
      const index = known.get(key) ?? streams.length;
      if (index === streams.length) {
        known.set(key, index);
        streams.push(Object.freeze({ w, r, s, g, base: rows, capacity }));
        rows += capacity;
      }
      return [index];
    });
    return Object.freeze(own);
  });
  if (rows * resolved.D > MAX_ELEMENTS) {
    throw new ConfigError(`decodePlan: the cache would hold ${rows} rows a sequence`, {
      details: branches.map(({ w, r }) => `segment ${w}, dilation ${r}: ${Math.ceil(w / r)} rows a head`),
      fix: "pass length: the most tokens that will be decoded",
    });
  }
  return { streams: Object.freeze(streams), heads: Object.freeze(heads), rows };
}

/** The longest block of tokens, a power of two, at whose ends factors stay within 2^±4. */
function blockOf(perToken: number): number {
  return 2 ** Math.floor(Math.log2(Math.min(MAX_BLOCK, Math.max(1, (2 * MAX_BLOCK_EXPONENT) / perToken))));
}

/** Infinity where it is out of reach. */
function commonMultiple(lengths: readonly number[]): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  const all = lengths.reduce((a, b) => (a > MAX_PERIOD ? a : (a / gcd(a, b)) * b), 1);
  return all > MAX_PERIOD ? Number.POSITIVE_INFINITY : all;
}
