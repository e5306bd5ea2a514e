import type { Device, Tensor } from "@dilated/core";
import { type BlockWindow, type Cut, forEachBlock } from "../shared/blocks.ts";

/** A tensor seen as [outer, n, inner], reduced over n. */
export interface Axis {
  readonly outer: number;
  readonly n: number;
  readonly inner: number;
}

/** Outputs of one WebAssembly work item: FOLD_ITEM of assembly/reduce.ts. */
const FOLD_ITEM = 256;

/**
 * Into how many parts an axis of n is folded: one where it is short, else parts of about 128 elements, which f32 adds up accurately, and at least
 * 32 of them side by side in memory, so that neighbouring invocations read neighbouring elements.
 */
function partsOf({ n, inner }: Axis, atOnce: number): number {
  if (n <= atOnce) return 1;
  const parts = Math.ceil(n / 128);
  return inner >= 32 ? parts : Math.ceil(parts / 32) * 32;
}

/** One pass of a fold over `axis`: how it is cut in launches, and how many parts come out. */
export interface FoldPass {
  /** Parts that remain to be folded; 1 when this is the last pass. */
  readonly parts: number;
  readonly launches: readonly FoldLaunch[];
}

/** One launch of a pass; offsets in blocks of [n, inner] (many rows) or of [inner] (one long row). */
export interface FoldLaunch {
  readonly of: (tensor: Tensor | undefined, stats?: boolean) => ReturnType<BlockWindow["of"]>;
  /** First position along n. */
  readonly first: number;
  /** In values of `width` elements. */
  readonly scalars: {
    readonly length: number;
    readonly span: number;
    readonly count: number;
    readonly inner: number;
    readonly into: number;
  };
  readonly items: number;
}

/**
 * Plans one pass over tensors of [outer, n, inner] (and statistics of [outer·n]), in windows that fit a binding.
 *
 * @param atOnce - elements along n, at most, that one output may fold
 * @param width - neighbours along inner, a divisor of it, that the kernel does as one value
 */
export function planFold(
  caller: string,
  device: Device,
  { outer, n, inner }: Axis,
  tensors: readonly (Tensor | undefined)[],
  stats: readonly (Tensor | undefined)[] = [],
  atOnce = 64,
  width = 1,
): FoldPass {
  // One long row is cut along n, and every window folds into parts of its own; many rows are cut between rows.
  const single = outer === 1;
  const [total, unit, statsUnit] = single ? [n, inner, 1] : [outer, n * inner, n];
  const values = inner / width;
  const launches: FoldLaunch[] = [];
  let parts = 0;
  let into = 0;
  const result = partsOf({ outer: 1, n, inner }, atOnce) * inner;
  const cut: Cut[] = [
    ...tensors.map((tensor) => [tensor, unit] as const),
    ...stats.map((tensor) => [tensor, statsUnit] as const),
    ...(single ? [] : [[{ dtype: "f32", device }, result] as const]),
  ];
  forEachBlock(caller, device, total, cut, ({ first, count: blocks, of }) => {
    const here: Axis = single ? { outer: 1, n: blocks, inner } : { outer: blocks, n, inner };
    const folded = partsOf(here, atOnce);
    const count = here.outer * folded * values;
    launches.push({
      of: (tensor, isStats = false) => of(tensor, isStats ? statsUnit : unit),
      first: single ? first : 0,
      scalars: { length: here.n * values, span: folded * values, count, inner: values, into },
      items: Math.ceil(count / FOLD_ITEM),
    });
    into += count;
    parts = single ? parts + folded : folded;
  });
  return { parts, launches };
}
