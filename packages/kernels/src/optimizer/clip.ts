import { checkCall, checkParameters, field, ShapeError, type Tensor, treeMap, treeTensors } from "@dilated/core";
import { forEachBlock } from "../shared/blocks.ts";
import { checkFloats, describe } from "../shared/check.ts";
import { kernelDtype, stored, widen } from "../shared/half.ts";
import { flatLaunch } from "../shared/launch.ts";
import { clipKernel, normKernel, scaleKernel } from "./kernels.ts";
import { LANES, squareSums } from "./square-sums.ts";

const maxNorm = field.positive();
const GRAD_NORM = { grads: field.list(field.tensor(), 1) };
const CLIP_SCALE = { norm: field.tensor(), maxNorm };
const CLIP_GRAD_NORM = { grads: field.any("a tree of tensors"), maxNorm };

/**
 * Euclidean norm of all gradients together, as one scalar on the device. Partial sums are cut by size alone and added in order: deterministic.
 *
 * @param grads - f32 or f16 tensors on one device
 * @returns a scalar (f32); not finite when a gradient is not, or when the sum of squares overflows f32.
 * @throws ConfigError for an empty list; DtypeError, DeviceError
 */
export function gradNorm(grads: readonly Tensor[]): Tensor {
  checkCall("gradNorm", GRAD_NORM, arguments);
  return normOf("gradNorm", grads);
}

function normOf(caller: string, grads: readonly Tensor[]): Tensor {
  const { device } = grads[0] as Tensor;
  checkFloats(caller, Object.fromEntries(grads.map((grad, i) => [`grads[${i}]`, grad])));
  return device.scope(() => {
    const partial = squareSums(grads);
    const norm = device.empty([], { label: "grad norm" });
    device.run(normKernel, {
      tensors: { partial, norm },
      scalars: { count: partial.size },
      constants: { LANES },
      groups: 1,
      items: 1,
    });
    return norm;
  });
}

/**
 * min(1, maxNorm / norm) as a scalar on the device, for `gradScale`: clipping without waiting for the norm. A norm that is not finite gives 0,
 * at which optimiser steps change nothing.
 *
 * @param norm - one f32 element, from {@link gradNorm}
 * @param maxNorm - positive
 * @throws ShapeError, ConfigError
 */
export function clipScale(norm: Tensor, maxNorm: number): Tensor {
  checkCall("clipScale", CLIP_SCALE, arguments);
  if (norm.size !== 1 || norm.dtype !== "f32") {
    throw new ShapeError("clipScale: norm must be one f32 element", {
      details: describe({ norm }),
      fix: "pass gradNorm(grads)",
    });
  }
  const { device } = norm;
  return device.scope(() => {
    const scale = device.empty([], { label: "clip scale" });
    device.run(clipKernel, { tensors: { norm, scale }, scalars: { most: maxNorm }, groups: 1, items: 1 });
    return scale;
  });
}

/** x times one f32 element of a tensor, in the dtype of x; a scale of 0 gives 0 whatever x is. Not differentiable. */
export function scaleByTensor(x: Tensor, scale: Tensor): Tensor {
  return x.device.scope(() => {
    const wide = widen(x);
    const y = x.device.empty(x.shape, { dtype: kernelDtype(x.device, x.dtype), label: x.label });
    forEachBlock(
      "scaleByTensor",
      x.device,
      x.size,
      [
        [wide, 1],
        [y, 1],
      ],
      ({ count, of }) => {
        const { quads, ...launch } = flatLaunch(count);
        x.device.run(scaleKernel, { tensors: { x: of(wide, 1), scale, y: of(y, 1) }, scalars: { quads }, ...launch });
      },
    );
    return stored(y, x.dtype);
  });
}

/** Result of {@link clipGradNorm}. */
export interface ClippedGrads<T> {
  /** Norm before clipping, a scalar on the device. */
  readonly norm: Tensor;
  /** New tensors in the tree's shape, scaled so that their joint norm is at most maxNorm; zeros when the norm is not finite. */
  readonly grads: T;
}

/**
 * Clips the joint norm of a tree of gradients. Training loops that only step can leave the copy out:
 * `adamWStep(..., { gradScale: clipScale(gradNorm(grads), maxNorm) })`.
 *
 * @throws ConfigError, DtypeError, DeviceError
 */
export function clipGradNorm<T>(grads: T, maxNorm: number): ClippedGrads<T> {
  checkCall("clipGradNorm", CLIP_GRAD_NORM, arguments);
  checkParameters("clipGradNorm", grads, "grads");
  const list = treeTensors(grads);
  checkCall("clipGradNorm", GRAD_NORM, [list]);
  return (list[0] as Tensor).device.attempt(() => {
    const norm = normOf("clipGradNorm", list);
    using scale = clipScale(norm, maxNorm);
    return { norm, grads: treeMap(grads, (grad) => scaleByTensor(grad, scale)) };
  });
}
