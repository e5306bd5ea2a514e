import { apply, type DifferentiableOp, type DType, type Maybe, ShapeError, type Tensor } from "@dilated/core";
import { sumAxis } from "../reduce/fold.ts";
import { checkFloats, checkNumber, checkOptions, describe } from "../shared/check.ts";
import { defineRowKernel, type RowKernel, runRows } from "../shared/row-kernel.ts";
import { rowsOf, rowTarget, settle } from "../shared/rows.ts";
import { kernelsModule } from "../wasm/module.ts";
import source from "./norm.wgsl";
import backwardSource from "./norm-backward.wgsl";

/** How {@link layerNorm} and {@link rmsNorm} are computed. */
export interface NormOptions {
  /** Added to the variance (or mean square) before its root is taken. @defaultValue 1e-5 for layerNorm, 1e-6 for rmsNorm */
  readonly eps?: number;
}

const read = { access: "read", view: "vec4" } as const;
const readOptional = { ...read, optional: true } as const;

/** y = (x - mean)·rstd·weight + bias. */
export const normKernel: RowKernel<"x" | "weight" | "bias" | "y" | "mean" | "rstd", "width" | "eps"> = defineRowKernel({
  name: "norm",
  tensors: {
    x: read,
    weight: readOptional,
    bias: readOptional,
    y: { access: "write", view: "vec4" },
    mean: { access: "write", view: "scalar", optional: true },
    rstd: { access: "write", view: "scalar" },
  },
  scalars: { width: "u32", eps: "f32" },
  wgsl: { source },
  wasm: { module: kernelsModule, entry: "normF32" },
});

/** dx of it. */
export const normBackwardKernel: RowKernel<"x" | "weight" | "dy" | "mean" | "rstd" | "dx", "width"> = defineRowKernel({
  name: "norm_backward",
  tensors: {
    x: read,
    weight: readOptional,
    dy: read,
    mean: { access: "read", view: "scalar", optional: true },
    rstd: { access: "read", view: "scalar" },
    dx: { access: "write", view: "vec4" },
  },
  scalars: { width: "u32" },
  wgsl: { source: backwardSource },
  wasm: { module: kernelsModule, entry: "normBackwardF32" },
});

interface NormCall {
  readonly name: string;
  /** Layer norm subtracts the mean, RMS norm does not. */
  readonly centered: boolean;
  readonly eps: number;
  readonly biasDtype: DType;
}

const normOp: DifferentiableOp<NormCall> = {
  name: "norm",
  forward: ([x, weight, bias], { name, centered, eps }) => {
    if (!x) return { outputs: [], saved: [] };
    const size = rowsOf(name, x);
    const y = rowTarget(x, name);
    const mean = centered ? x.device.empty([size.rows], { label: `${name} mean` }) : undefined;
    const rstd = x.device.empty([size.rows], { label: `${name} rstd` });
    runRows(x.device, normKernel, size, {
      rows: { x, y },
      stats: { mean, rstd },
      shared: { weight, bias },
      scalars: { width: size.width, eps },
    });
    // Outputs, so that whoever called can free them: the tape keeps handles of its own on what it needs.
    return { outputs: [settle(y, x.dtype), rstd, ...(mean ? [mean] : [])], saved: [x, weight, mean, rstd] };
  },
  backward: ({ saved: [x, weight, mean, rstd], grads: [dy], needs, options: { name, biasDtype } }) => {
    if (!x || !rstd || !dy) return [];
    const size = rowsOf(name, x);
    const columns = { outer: 1, n: size.rows, inner: size.width };
    const total = (dtype: DType, factor?: Maybe<Tensor>) =>
      sumAxis(dy, columns, {
        ...(factor && { factor, mean, rstd }),
        scale: 1,
        shape: [size.width],
        dtype,
        label: "grad",
      });
    let dx: Tensor | undefined;
    if (needs[0]) {
      dx = rowTarget(x, "grad");
      runRows(x.device, normBackwardKernel, size, {
        rows: { x, dy, dx },
        stats: { mean, rstd },
        shared: { weight },
        scalars: { width: size.width },
      });
      dx = settle(dx, x.dtype);
    }
    return [dx, needs[1] && weight ? total(weight.dtype, x) : undefined, needs[2] ? total(biasDtype) : undefined];
  },
};

function norm(
  name: string,
  centered: boolean,
  x: Tensor,
  weight: Maybe<Tensor>,
  bias: Maybe<Tensor>,
  options: NormOptions,
  defaultEps: number,
): Tensor {
  checkFloats(name, { x, weight, bias });
  checkOptions(name, options, ["eps"]);
  const { eps = defaultEps } = options;
  checkNumber(name, "eps", eps, "a number above 0", (value) => value > 0);
  const { width } = rowsOf(name, x);
  for (const [which, vector] of Object.entries({ weight, bias })) {
    if (vector && (vector.rank !== 1 || vector.size !== width)) {
      throw new ShapeError(`${name}: ${which} must have shape [${width}], the last axis of x`, {
        details: describe({ x, weight, bias }),
        fix: `pass ${width} values`,
      });
    }
  }
  const [y, ...stats] = apply(normOp, [x, weight, bias], { name, centered, eps, biasDtype: bias?.dtype ?? "f32" });
  for (const tensor of stats) tensor.dispose();
  return y as Tensor;
}

/**
 * Layer normalisation over the last axis: (x - mean)/sqrt(variance + eps)·weight + bias. Statistics are f32.
 *
 * @param x - [..., E], f32 or f16
 * @param weight - [E], f32 or f16; 1 without
 * @param bias - [E], f32 or f16; 0 without
 * @returns shape and dtype of x
 * @throws ShapeError unless weight and bias have the length of the last axis; ConfigError for unknown options or eps <= 0; DtypeError for other dtypes.
 * @see Ba, Kiros, Hinton: "Layer normalization" (2016)
 */
export function layerNorm(x: Tensor, weight?: Tensor, bias?: Tensor, options: NormOptions = {}): Tensor {
  return norm("layerNorm", true, x, weight, bias, options, 1e-5);
}

/**
 * Root-mean-square normalisation over the last axis: x/sqrt(mean(x²) + eps)·weight.
 *
 * @param x - [..., E], f32 or f16
 * @param weight - [E], f32 or f16; 1 without
 * @returns shape and dtype of x
 * @throws as {@link layerNorm}
 * @see Zhang, Sennrich: "Root mean square layer normalization" (2019)
 */
export function rmsNorm(x: Tensor, weight?: Tensor, options: NormOptions = {}): Tensor {
  return norm("rmsNorm", false, x, weight, undefined, options, 1e-6);
}
