import {
  type DType,
  defineKernel,
  type KernelDefinition,
  type Maybe,
  reshape,
  type Shape,
  type Tensor,
} from "@dilated/core";
import { FLAT_LANES } from "../shared/launch.ts";
import { settle } from "../shared/rows.ts";
import { launch } from "../shared/run.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./fold-sum.wgsl";
import { foldsWhole, inHalves, resultsOf } from "./halves.ts";
import { type Axis, type FoldLaunch, planFold } from "./plan.ts";

type SumKernel = KernelDefinition<"x" | "factor" | "mean" | "rstd" | "y", keyof FoldLaunch["scalars"] | "scale">;

/**
 * y[o, m] = scale·Σ_k x[o, k·span + m]·(factor - mean)·rstd. `quad` does four m at once, where inner is a multiple of four: its scalars count
 * groups of four, and it stores either dtype.
 */
export const foldSumKernels: Readonly<Record<"quad" | "single", SumKernel>> = {
  quad: sumKernel("fold_sum", "vec4", "vec4f"),
  single: sumKernel("fold_sum_any", "scalar", "f32"),
};

function sumKernel(name: string, view: "vec4" | "scalar", value: string): SumKernel {
  const statistic = { access: "read", view: "scalar", optional: true } as const;
  return defineKernel({
    name,
    tensors: {
      x: { access: "read", view },
      factor: { access: "read", view, optional: true },
      mean: statistic,
      rstd: statistic,
      y: { access: "write", view },
    },
    scalars: { length: "u32", span: "u32", count: "u32", inner: "u32", into: "u32", scale: "f32" },
    wgsl: { source: `alias Value = ${value};\n${source}` },
    wasm: { module: kernelsModule, entry: "foldSumF32" },
  });
}

/** Elements along n that one workgroup may add up in a single pass; one work item of WebAssembly adds up 64. */
const AT_ONCE = 1024;

/** Invocations that share a sum, a power of two: enough of them to fill a GPU, each with 4 to 128 terms; in single file fewer, so that they read a run of memory. */
function sharers(outputs: number, terms: number, singleFile: boolean): number {
  const wanted = Math.max(terms / 128, singleFile ? Math.min(32, terms) : 1, Math.min(2 ** 18 / outputs, terms / 4));
  return 2 ** Math.min(6, Math.ceil(Math.log2(wanted)));
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
  readonly label?: string | undefined;
  /** Asked for memory of this shape and dtype, where the sums can be written as they are. */
  readonly place?: (() => Maybe<Tensor>) | undefined;
}

/** Sum over one axis in passes of a fixed tree; f32 inside, whatever the dtypes. */
export function sumAxis(x: Tensor, axis: Axis, options: SumOptions): Tensor {
  const { device } = x;
  const { shape, dtype, label = "sum" } = options;
  if (x.size === 0) return device.zeros(shape, { dtype, label });
  if (!foldsWhole(device, axis)) return sumHalves(x, axis, options);
  const gpu = device.info.backend === "webgpu";
  const quad = gpu && axis.inner % 4 === 0;
  const kernel = quad ? foldSumKernels.quad : foldSumKernels.single;
  let { factor, mean, rstd } = options;
  let current = x;
  for (let n = axis.n; ; ) {
    const [atOnce, width] = [gpu ? AT_ONCE : 64, quad ? 4 : 1];
    const pass = planFold("sum", device, { ...axis, n }, [current, factor], [mean, rstd], atOnce, width);
    const done = pass.parts === 1;
    const stored = quad ? dtype : "f32";
    const y = done
      ? ((stored === dtype ? options.place?.() : undefined) ?? device.empty(shape, { label, dtype: stored }))
      : device.empty([axis.outer * pass.parts * axis.inner], { label: "partial sums" });
    for (const { of, scalars, items } of pass.launches) {
      const { length, span, count } = scalars;
      const { y: target, into } = resultsOf(y, scalars.into * width, count * width);
      const SHARE = sharers(count, Math.ceil(length / span), span === 1);
      launch(device, kernel, {
        tensors: { x: of(current), factor: of(factor), mean: of(mean, true), rstd: of(rstd, true), y: target },
        scalars: { ...scalars, into: into / width, scale: done ? options.scale : 1 },
        constants: { LANES: FLAT_LANES, SHARE },
        groups: Math.ceil((count * SHARE) / FLAT_LANES),
        items,
      });
    }
    if (current !== x) current.dispose();
    if (done) return settle(y, dtype);
    [current, n] = [y, pass.parts];
    factor = mean = rstd = undefined;
  }
}

function sumHalves(x: Tensor, axis: Axis, { factor, mean, rstd, place: _, ...options }: SumOptions): Tensor {
  const { shape } = options;
  const whole = [axis.outer, axis.n, axis.inner] as const;
  const rows = [axis.outer, axis.n, 1] as const;
  return x.device.scope(() => {
    const tensors = [
      [x, whole],
      [factor, whole],
      [mean, rows],
      [rstd, rows],
    ] as const;
    const { y } = inHalves(axis, tensors, 1, (part, [half, byHalf, means, rstds]) => ({
      y: sumAxis(half as Tensor, part, {
        ...options,
        shape: [part.outer, part.inner],
        factor: byHalf,
        mean: means,
        rstd: rstds,
      }),
    }));
    return reshape(y, shape);
  });
}
