import { BYTES, type DType, type Maybe, type Tensor } from "@dilated/core";
import { sumAxis } from "../reduce/fold.ts";
import { type BlockWindow, forEachBlock } from "../shared/blocks.ts";
import { runRows } from "../shared/row-kernel.ts";
import { type Rows, rowsOf, rowTarget, settle } from "../shared/rows.ts";
import { normBackwardKernel, normGradientsKernel } from "./kernels.ts";

/** What the gradients of a norm are computed from. */
interface NormBackward {
  readonly x: Tensor;
  readonly weight: Maybe<Tensor>;
  readonly dy: Tensor;
  readonly mean: Maybe<Tensor>;
  readonly rstd: Tensor;
}

/** Which gradients are asked for; those of the vectors by the dtype that they are to have. */
export interface NormWants {
  readonly x: boolean;
  readonly weight: DType | undefined;
  readonly bias: DType | undefined;
}

type Gradients = readonly [x: Tensor | undefined, weight: Tensor | undefined, bias: Tensor | undefined];

/** Gradients of a norm's x, weight and bias. */
export function normBackward(name: string, inputs: NormBackward, wants: NormWants): Gradients {
  const { x, weight, dy, mean, rstd } = inputs;
  const size = rowsOf(name, x);
  if (wants.x && (wants.weight || wants.bias)) {
    const plan = planTogether(name, inputs, size);
    if (plan) return together(inputs, wants, size, plan);
  }
  const columns = { outer: 1, n: size.rows, inner: size.width };
  const total = (dtype: DType | undefined, stats = {}) =>
    dtype && sumAxis(dy, columns, { ...stats, scale: 1, shape: [size.width], dtype, label: "grad" });
  let dx: Tensor | undefined;
  if (wants.x) {
    dx = rowTarget(x, "grad");
    runRows(x.device, normBackwardKernel, size, {
      rows: { x, dy, dx },
      stats: { mean, rstd },
      shared: { weight },
      scalars: { width: size.width },
    });
    dx = settle(dx, x.dtype);
  }
  return [dx, total(wants.weight, { factor: x, mean, rstd }), total(wants.bias)];
}

/** How {@link normGradientsKernel} is launched. */
interface Together {
  /** Rows of one workgroup. */
  readonly each: number;
  /** Rows that fit a binding, and which of all workgroups is their first. */
  readonly windows: readonly (BlockWindow & { readonly into: number; readonly groups: number })[];
  /** Workgroups of all windows. */
  readonly total: number;
  readonly constants: { readonly LANES: number; readonly QUADS: number };
}

/** Undefined where a row does not fit the registers, or the partial sums not one binding. */
function planTogether(name: string, { x, dy, mean, rstd }: NormBackward, { rows, width }: Rows): Together | undefined {
  const { device } = x;
  if (device.info.backend !== "webgpu" || width % 4 !== 0 || width > 4096) return undefined;
  // About a thousand workgroups fill a GPU; f32 adds up 128 rows accurately.
  const each = Math.min(128, Math.max(4, Math.ceil(rows / 1024)));
  const windows: Together["windows"][number][] = [];
  let total = 0;
  const wide = [x, dy].map((tensor) => [tensor, width] as const);
  forEachBlock(name, device, rows, [...wide, [mean, 1], [rstd, 1]], (window) => {
    const groups = Math.ceil(window.count / each);
    windows.push({ ...window, into: total, groups });
    total += groups;
  });
  if (total * width * BYTES.f32 > device.limits.maxBindingBytes) return undefined;
  const LANES = width <= 1024 ? 64 : 256;
  return { each, windows, total, constants: { LANES, QUADS: Math.ceil(width / 4 / LANES) } };
}

/** All gradients from one pass over x and dy; the vectors' as partial sums, which are then added up. */
function together(
  { x, weight, dy, mean, rstd }: NormBackward,
  wants: NormWants,
  { width }: Rows,
  { each, windows, total, constants }: Together,
): Gradients {
  const { device } = x;
  const dx = rowTarget(x, "grad");
  const partial = (dtype: DType | undefined) => dtype && device.empty([total * width], { label: "partial sums" });
  const [dweight, dbias] = [partial(wants.weight), partial(wants.bias)];
  for (const { count, of, into, groups } of windows) {
    device.run(normGradientsKernel, {
      tensors: {
        x: of(x, width),
        weight,
        dy: of(dy, width),
        mean: of(mean, 1),
        rstd: of(rstd, 1),
        dx: of(dx, width),
        dweight,
        dbias,
      },
      scalars: { width, rows: count, each, into },
      constants,
      groups,
      items: groups,
    });
  }
  const sum = (partials: Tensor | undefined, dtype: DType | undefined) => {
    if (!partials || !dtype) return undefined;
    const columns = { outer: 1, n: total, inner: width };
    const gradient = sumAxis(partials, columns, { scale: 1, shape: [width], dtype, label: "grad" });
    partials.dispose();
    return gradient;
  };
  return [dx, sum(dweight, wants.weight), sum(dbias, wants.bias)];
}
