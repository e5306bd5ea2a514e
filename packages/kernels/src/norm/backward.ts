import { BYTES, type DType, type Maybe, type Tensor } from "@dilated/core";
import { type SumOptions, sumAxis } from "../reduce/fold.ts";
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
  /** Memory for the gradients of the vectors, by the number of the input. */
  readonly place?: ((input: number) => Maybe<Tensor>) | undefined;
}

type Gradients = readonly [x: Tensor | undefined, weight: Tensor | undefined, bias: Tensor | undefined];

/** Gradients of a norm's x, weight and bias. */
export function normBackward(name: string, inputs: NormBackward, wants: NormWants): Gradients {
  const { x, weight, dy, mean, rstd } = inputs;
  const size = rowsOf(name, x);
  const together = wants.x && (wants.weight || wants.bias) && allAtOnce(name, inputs, wants, size);
  if (together) return together;
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
  return [
    dx,
    sumRows(dy, size.width, wants.weight, { factor: x, mean, rstd, place: () => wants.place?.(1) }),
    sumRows(dy, size.width, wants.bias, { place: () => wants.place?.(2) }),
  ];
}

/** Sum of the rows of x [.., width] in the dtype that is wanted, if any. */
function sumRows(
  x: Maybe<Tensor>,
  width: number,
  dtype: DType | undefined,
  rest: Partial<SumOptions>,
): Tensor | undefined {
  if (!x || !dtype) return undefined;
  const axis = { outer: 1, n: x.size / width, inner: width };
  return sumAxis(x, axis, { ...rest, scale: 1, shape: [width], dtype, label: "grad" });
}

/**
 * All gradients from one pass over x and dy; the vectors' as partial sums, which are then added up. Undefined where a row does not fit the registers,
 * or the partial sums not one binding.
 */
function allAtOnce(
  name: string,
  { x, weight, dy, mean, rstd }: NormBackward,
  wants: NormWants,
  { rows, width }: Rows,
): Gradients | undefined {
  const { device } = x;
  if (device.info.backend !== "webgpu" || width % 4 !== 0 || width > 4096) return undefined;
  const LANES = width <= 1024 ? 64 : 256;
  // About a thousand workgroups fill a GPU; f32 adds up 128 rows accurately.
  const each = Math.min(128, Math.max(4, Math.ceil(rows / 1024)));
  const windows: (BlockWindow & { into: number; groups: number })[] = [];
  let total = 0;
  const cut = [x, dy].map((tensor) => [tensor, width] as const);
  forEachBlock(name, device, rows, [...cut, [mean, 1], [rstd, 1]], (window) => {
    const groups = Math.ceil(window.count / each);
    windows.push({ ...window, into: total, groups });
    total += groups;
  });
  if (total * width * BYTES.f32 > device.limits.maxBindingBytes) return undefined;
  return device.scope(() => {
    const dx = rowTarget(x, "grad");
    const [dweight, dbias] = [wants.weight, wants.bias].map(
      (dtype) => dtype && device.empty([total, width], { label: "partial sums" }),
    );
    for (const { count, into, groups, of } of windows) {
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
        constants: { LANES, QUADS: Math.ceil(width / 4 / LANES) },
        groups,
        items: groups,
      });
    }
    return [
      dx,
      sumRows(dweight, width, wants.weight, { place: () => wants.place?.(1) }),
      sumRows(dbias, width, wants.bias, { place: () => wants.place?.(2) }),
    ];
  });
}
