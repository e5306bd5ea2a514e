import {
  apply,
  checkCall,
  type DifferentiableOp,
  type DType,
  field,
  type Maybe,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import { checkFloats, describe, ONE_TENSOR } from "../shared/check.ts";
import { runRows } from "../shared/row-kernel.ts";
import { rowsOf, rowTarget, settle } from "../shared/rows.ts";
import { normBackward } from "./backward.ts";
import { normConstants, normKernel } from "./kernels.ts";

/** How {@link layerNorm} and {@link rmsNorm} are computed. */
export interface NormOptions {
  /** Added to the variance (or mean square) before its root is taken. @defaultValue 1e-5 for layerNorm, 1e-6 for rmsNorm */
  readonly eps?: number | undefined;
}

const weight = field.optional(field.tensor());
const options = field.options<NormOptions>({ eps: field.optional(field.positive()) });
const RMS_NORM = { ...ONE_TENSOR, weight, options };
const LAYER_NORM = { ...ONE_TENSOR, weight, bias: weight, options };

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
      constants: normConstants(size.width),
    });
    // Outputs, so that whoever called can free them: the tape keeps handles of its own on what it needs.
    return { outputs: [settle(y, x.dtype), rstd, ...(mean ? [mean] : [])], saved: [x, weight, mean, rstd] };
  },
  backward: ({ saved: [x, weight, mean, rstd], grads: [dy], needs, place, options: { name, biasDtype } }) => {
    if (!x || !rstd || !dy) return [];
    return normBackward(
      name,
      { x, weight, dy, mean, rstd },
      {
        x: needs[0] === true,
        weight: needs[1] ? weight?.dtype : undefined,
        bias: needs[2] ? biasDtype : undefined,
        place,
      },
    );
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
  const { eps = defaultEps } = options;
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
  checkCall("layerNorm", LAYER_NORM, arguments);
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
  checkCall("rmsNorm", RMS_NORM, arguments);
  return norm("rmsNorm", false, x, weight, undefined, options, 1e-6);
}
