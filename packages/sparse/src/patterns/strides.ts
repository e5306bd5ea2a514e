import { checkCall, field } from "@dilated/core";
import type { BoolNode } from "../expression/node.ts";
import type { MaskFunction } from "../mask/build.ts";

const count = () => field.positiveInteger(2 ** 31 - 1);
const STRIDE = { stride: count() };

/**
 * Causal: the last `stride` keys, and every `stride`-th one before them.
 *
 * @see Child et al., "Generating long sequences with Sparse Transformers" (2019), strided
 */
export function strided(stride: number): MaskFunction {
  checkCall("strided", STRIDE, arguments);
  return ({ q, k }) => q.ge(k).and(q.sub(k).lt(stride).or(q.sub(k).mod(stride).eq(0)));
}

/** Sizes of the fixed pattern. */
export interface FixedPatternOptions {
  /** Tokens of a stretch. */
  readonly stride: number;
  /** Last tokens of each stretch, which all later queries see. */
  readonly summary: number;
}

const FIXED = { options: field.options<FixedPatternOptions>({ stride: count(), summary: count() }) };

/**
 * Causal: the keys of the query's own stretch of `stride` tokens, and the last `summary` of each stretch before.
 *
 * @see Child et al., "Generating long sequences with Sparse Transformers" (2019), fixed
 */
export function fixedPattern(options: FixedPatternOptions): MaskFunction {
  checkCall("fixedPattern", FIXED, arguments);
  const { stride, summary } = options;
  return ({ q, k }) =>
    q.ge(k).and(
      q
        .div(stride)
        .eq(k.div(stride))
        .or(k.mod(stride).ge(stride - summary)),
    );
}

/** Sizes of dilated blocks. */
export interface DilatedBlocksOptions {
  /** Tokens of a block. */
  readonly block: number;
  /** A query's block sees every `dilation`-th block. */
  readonly dilation: number;
  /** Blocks that it sees on each side, beside its own. */
  readonly count: number;
}

const DILATED = {
  options: field.options<DilatedBlocksOptions>({
    block: count(),
    dilation: count(),
    count: field.nonNegativeInteger(),
  }),
};

/** Whole blocks at equal distances: a dilated window whose unit is a block, so that no block is read for a few keys. */
export function dilatedBlocks(options: DilatedBlocksOptions): MaskFunction {
  checkCall("dilatedBlocks", DILATED, arguments);
  const { block, dilation, count: most } = options;
  return ({ q, k }) => {
    const distance = q.div(block).sub(k.div(block));
    return distance
      .mod(dilation)
      .eq(0)
      .and(distance.abs().le(Math.min(2 ** 31 - 1, most * dilation)));
  };
}

/** Sizes of a hierarchy of summaries. */
export interface HierarchicalOptions {
  /** Tokens of a stretch of the lowest level. */
  readonly stretch: number;
  /** Stretches that the next level joins to one. */
  readonly fanout: number;
  /** Levels, 1: the own stretch alone. */
  readonly levels: number;
}

const HIERARCHICAL = {
  options: field.options<HierarchicalOptions>({
    stretch: count(),
    fanout: field.positiveInteger(2 ** 16),
    levels: field.positiveInteger(16),
  }),
};

/**
 * Causal: the keys of the own stretch; of the larger stretches around it, level by level, the last token of each
 * smaller one. What a query sees grows with the logarithm of the length.
 */
export function hierarchical(options: HierarchicalOptions): MaskFunction {
  checkCall("hierarchical", HIERARCHICAL, arguments);
  const { stretch, fanout, levels } = options;
  return ({ q, k }) => {
    let seen: BoolNode = q.div(stretch).eq(k.div(stretch));
    for (let level = 1, size = stretch; level < levels && size * fanout < 2 ** 31; level++) {
      const summary = k.mod(size).eq(size - 1);
      size *= fanout;
      seen = seen.or(summary.and(q.div(size).eq(k.div(size))));
    }
    return q.ge(k).and(seen);
  };
}

/** A branch in blocks. */
export interface BlockBranch {
  /** Tokens of a segment, a multiple of the block. */
  readonly segment: number;
  /** Every `dilation`-th block of a segment takes part. */
  readonly dilation: number;
}

/** Branches, and their block. */
export interface LongNetBlocksOptions {
  readonly branches: readonly BlockBranch[];
  /** Tokens of a block. */
  readonly block: number;
}

const LONGNET = {
  options: field.options<LongNetBlocksOptions>({
    branches: field.list(field.object<field.FieldsOf<BlockBranch>>({ segment: count(), dilation: count() }), 1),
    block: count(),
  }),
};

/**
 * LongNet's branches whose unit is a block: in each segment every `dilation`-th block sees the others of them, from
 * block `h mod dilation` on in head h. `dilatedAttention` has the unit of a token, and reads no block for a few keys
 * either; this is for unions with other masks.
 *
 * @see Ding et al., "LongNet: scaling transformers to 1,000,000,000 tokens" (2023)
 */
export function longNetBlocks(options: LongNetBlocksOptions): MaskFunction {
  checkCall("longNetBlocks", LONGNET, arguments);
  const { branches, block } = options;
  return ({ h, q, k }) => {
    const seen = branches.map(({ segment, dilation }) => {
      const same = q.div(segment).eq(k.div(segment));
      if (dilation === 1) return same;
      const takesPart = (t: typeof q): BoolNode => t.mod(segment).div(block).mod(dilation).eq(h.mod(dilation));
      return same.and(takesPart(q)).and(takesPart(k));
    });
    return seen.reduce((all, one) => all.or(one));
  };
}
