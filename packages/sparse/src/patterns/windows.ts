import { checkCall, field, isPlain } from "@dilated/core";
import { isNode } from "../expression/build.ts";
import type { BoolNode } from "../expression/node.ts";
import type { MaskArguments } from "../expression/variables.ts";
import type { MaskFunction } from "../mask/build.ts";
import { orMasks } from "../mask/combine.ts";

const count = () => field.positiveInteger(2 ** 31 - 1);
const countOr0 = () => field.nonNegativeInteger(2 ** 31 - 1);

const AT = {
  at: field.custom("the arguments of a mask function", (at) => isPlain(at) && isNode(at.q) && isNode(at.k)),
};

/** A query sees its own key and all before it: itself a mask function. */
export function causal(at: Pick<MaskArguments, "q" | "k">): BoolNode {
  checkCall("causal", AT, arguments);
  return at.q.ge(at.k);
}

/** How far a window reaches. */
export interface SlidingWindowOptions {
  /** Keys before the own one. */
  readonly left: number;
  /** Keys behind it. @defaultValue left */
  readonly right?: number | undefined;
}

const SLIDING = {
  options: field.options<SlidingWindowOptions>({ left: countOr0(), right: field.optional(countOr0()) }),
};

/** Each query sees the keys around its own. */
export function slidingWindow(options: SlidingWindowOptions): MaskFunction {
  checkCall("slidingWindow", SLIDING, arguments);
  const { left, right = left } = options;
  return ({ q, k }) => q.sub(k).le(left).and(k.sub(q).le(right));
}

const SIZE = { size: count() };

/**
 * Each query sees the last `size` keys, its own among them.
 *
 * @see Jiang et al., "Mistral 7B" (2023)
 */
export function causalWindow(size: number): MaskFunction {
  checkCall("causalWindow", SIZE, arguments);
  return ({ q, k }) => q.ge(k).and(q.sub(k).lt(size));
}

const COUNT = { count: count() };

/** The first `count` tokens see all, and all see them. */
export function globalTokens(count: number): MaskFunction {
  checkCall("globalTokens", COUNT, arguments);
  return ({ q, k }) => q.lt(count).or(k.lt(count));
}

/** Sizes of Longformer's pattern. */
export interface LongformerOptions {
  /** Keys of the window, half of them on each side. */
  readonly window: number;
  /** First tokens, which see and are seen by all. */
  readonly global: number;
}

const LONGFORMER = { options: field.options<LongformerOptions>({ window: count(), global: count() }) };

/**
 * A window of `window / 2` keys on each side, and global tokens.
 *
 * @see Beltagy, Peters, Cohan, "Longformer" (2020)
 */
export function longformer(options: LongformerOptions): MaskFunction {
  checkCall("longformer", LONGFORMER, arguments);
  return orMasks(slidingWindow({ left: Math.floor(options.window / 2) }), globalTokens(options.global));
}

/** Sizes of a window with sinks. */
export interface SinkWindowOptions {
  /** Last keys that a query sees, its own among them. */
  readonly window: number;
  /** First keys, which all later queries see. */
  readonly sinks: number;
}

const SINK = { options: field.options<SinkWindowOptions>({ window: count(), sinks: count() }) };

/**
 * The last `window` keys and the first `sinks`, causal.
 *
 * @see Xiao et al., "Efficient streaming language models with attention sinks" (2023)
 */
export function sinkWindow(options: SinkWindowOptions): MaskFunction {
  checkCall("sinkWindow", SINK, arguments);
  const { window, sinks } = options;
  return ({ q, k }) => q.ge(k).and(q.sub(k).lt(window).or(k.lt(sinks)));
}
