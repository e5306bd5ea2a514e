import { type Device, type DType, defineKernel, type KernelDefinition, type Shape, type Tensor } from "@dilated/core";
import { forEachBlock } from "../shared/blocks.ts";
import { FLAT_LANES } from "../shared/launch.ts";
import { settle } from "../shared/rows.ts";
import { launch } from "../shared/run.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./fold-sum.wgsl";

/** A tensor seen as [outer, n, inner], reduced over n. */
export interface Axis {
  readonly outer: number;
  readonly n: number;
  readonly inner: number;
}

/** Outputs of one WebAssembly work item: FOLD_ITEM of assembly/reduce.ts. */
const FOLD_ITEM = 256;

/** y[o, m] = scale·Σ_k x[o, k·span + m]·(factor - mean)·rstd. */
export const foldSumKernel: KernelDefinition<
  "x" | "factor" | "mean" | "rstd" | "y",
  "length" | "span" | "count" | "inner" | "into" | "scale"
> = defineKernel({
  name: "fold_sum",
  tensors: {
    x: { access: "read", view: "scalar" },
    factor: { access: "read", view: "scalar", optional: true },
    mean: { access: "read", view: "scalar", optional: true },
    rstd: { access: "read", view: "scalar", optional: true },
    y: { access: "write", view: "scalar" },
  },
  scalars: { length: "u32", span: "u32", count: "u32", inner: "u32", into: "u32", scale: "f32" },
  wgsl: { source },
  wasm: { module: kernelsModule, entry: "foldSumF32" },
});

/**
 * Into how many parts an axis of n is folded at once: parts of about 128 elements, which f32 adds up accurately, and at least 32 of them side by
 * side in memory, so that neighbouring invocations read neighbouring elements.
 */
export function partsOf({ n, inner }: Axis): number {
  if (n <= 64) return 1;
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
  readonly of: (
    tensor: Tensor | undefined,
    stats?: boolean,
  ) => ReturnType<Parameters<Parameters<typeof forEachBlock>[4]>[0]["of"]>;
  /** First position along n. */
  readonly first: number;
  readonly scalars: {
    readonly length: number;
    readonly span: number;
    readonly count: number;
    readonly inner: number;
    readonly into: number;
  };
  readonly groups: number;
  readonly items: number;
  readonly constants: { readonly LANES: number };
}

/** Plans one pass over tensors of [outer, n, inner] (and statistics of [outer·n]), in windows that fit a binding. */
export function planFold(
  caller: string,
  device: Device,
  { outer, n, inner }: Axis,
  tensors: readonly (Tensor | undefined)[],
  stats: readonly (Tensor | undefined)[] = [],
): FoldPass {
  // One long row is cut along n, and every window folds into parts of its own; many rows are cut between rows.
  const single = outer === 1;
  const [total, unit, statsUnit] = single ? [n, inner, 1] : [outer, n * inner, n];
  const launches: FoldLaunch[] = [];
  let parts = 0;
  let into = 0;
  const cut = [
    ...tensors.map((tensor) => [tensor, unit] as const),
    ...stats.map((tensor) => [tensor, statsUnit] as const),
  ];
  forEachBlock(caller, device, total, cut, ({ first, count: blocks, of }) => {
    const here: Axis = single ? { outer: 1, n: blocks, inner } : { outer: blocks, n, inner };
    const folded = partsOf(here);
    const count = here.outer * folded * inner;
    launches.push({
      of: (tensor, isStats = false) => of(tensor, isStats ? statsUnit : unit),
      first: single ? first : 0,
      scalars: { length: here.n * inner, span: folded * inner, count, inner, into },
      groups: Math.ceil(count / FLAT_LANES),
      items: Math.ceil(count / FOLD_ITEM),
      constants: { LANES: FLAT_LANES },
    });
    into += count;
    parts = single ? parts + folded : folded;
  });
  return { parts, launches };
}

/** What {@link sumAxis} multiplies by and gives back. */
export interface SumOptions {
  /** A second tensor of the shape of x: Σ x·(factor - mean[row])·rstd[row], row = element / inner. */
  readonly factor?: Tensor | undefined;
  readonly mean?: Tensor | undefined;
  readonly rstd?: Tensor | undefined;
  readonly scale: number;
  /** [outer, inner] in some shape. */
  readonly shape: Shape;
  readonly dtype: DType;
  readonly label?: string;
}

/** Sum over one axis in passes of a fixed tree; f32 inside, whatever the dtypes. */
export function sumAxis(x: Tensor, axis: Axis, options: SumOptions): Tensor {
  const { device } = x;
  const { shape, dtype, label = "sum" } = options;
  if (x.size === 0) return device.zeros(shape, { dtype, label });
  let { factor, mean, rstd } = options;
  let current = x;
  for (let n = axis.n; ; ) {
    const { parts, launches } = planFold("sum", device, { ...axis, n }, [current, factor], [mean, rstd]);
    const done = parts === 1;
    const y = device.empty(done ? shape : [axis.outer * parts * axis.inner], { label: done ? label : "partial sums" });
    for (const { of, scalars, first: _, ...sizes } of launches) {
      const tensors = { x: of(current), factor: of(factor), mean: of(mean, true), rstd: of(rstd, true), y };
      launch(device, foldSumKernel, { tensors, scalars: { ...scalars, scale: done ? options.scale : 1 }, ...sizes });
    }
    if (current !== x) current.dispose();
    if (done) return settle(y, dtype);
    [current, n] = [y, parts];
    factor = mean = rstd = undefined;
  }
}
