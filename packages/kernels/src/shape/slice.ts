import {
  apply,
  checkCall,
  type DifferentiableOp,
  field,
  type Maybe,
  type Shape,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import { axisOf } from "../shared/axis.ts";
import { describe } from "../shared/check.ts";
import { assemble, stridesOf } from "./move.ts";

/** Which part {@link slice} takes. */
export interface SliceOptions {
  /** Axis that is cut; negative numbers count from the end. @defaultValue 0 */
  readonly axis?: number | undefined;
  /** First index. @defaultValue 0 */
  readonly begin?: number | undefined;
  /** Index behind the last one. @defaultValue the length of the axis */
  readonly end?: number | undefined;
}

const ARGUMENTS = {
  x: field.tensor(),
  options: field.options<SliceOptions>({
    axis: field.optional(field.custom("an integer", Number.isInteger)),
    begin: field.optional(field.nonNegativeInteger()),
    end: field.optional(field.nonNegativeInteger()),
  }),
};

/** A part of one axis of a tensor of `shape`. */
export interface Part {
  readonly shape: Shape;
  readonly axis: number;
  readonly begin: number;
  readonly n: number;
}

/** Copies the part out of x. */
export function takePart(x: Tensor, { shape, axis, begin, n }: Part, label: string): Tensor {
  const strides = stridesOf(shape);
  const part = shape.map((length, i) => (i === axis ? n : length));
  const axes = stridesOf(part).map((to, i) => ({ n: part[i] as number, from: strides[i] as number, to }));
  const from = begin * (strides[axis] as number);
  return assemble({ device: x.device, dtype: x.dtype, shape: part, label, moves: [{ x, axes, from }] });
}

/** The other way: `part` in its place, among zeros. */
function putPart(part: Tensor, { shape, axis, begin }: Part): Tensor {
  const strides = stridesOf(shape);
  const axes = stridesOf(part.shape).map((from, i) => ({ n: part.shape[i] as number, from, to: strides[i] as number }));
  const moves = [{ x: part, axes, to: begin * (strides[axis] as number) }];
  return assemble({ device: part.device, dtype: part.dtype, shape, label: "grad", moves, zero: true });
}

const sliceOp: DifferentiableOp<Part> = {
  name: "slice",
  forward: ([x], part) => ({ outputs: x ? [takePart(x, part, "slice")] : [], saved: [] }),
  backward: ({ grads: [dy], options }): Maybe<Tensor>[] => [dy && putPart(dy, options)],
};

/**
 * The indices [begin, end) of one axis; a copy.
 *
 * @param x - any dtype
 * @returns shape of x with end - begin in place of the axis; differentiable where x is f32 or f16
 * @throws ConfigError for an unknown option or axis; ShapeError unless begin <= end <= length of the axis.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { slice } from "@dilated/kernels";
 * const device = await openDevice();
 * const x = device.randomNormal([2, 96, 32], { seed: 1 }); // [B, N, E]
 * const last = slice(x, { axis: 1, begin: 64 }); // [2, 32, 32]
 * device.dispose();
 * ```
 */
export function slice(x: Tensor, options: SliceOptions = {}): Tensor {
  checkCall("slice", ARGUMENTS, arguments);
  const axis = axisOf("slice", x, options.axis ?? 0);
  const length = x.shape[axis] as number;
  const { begin = 0, end = length } = options;
  if (begin > end || end > length) {
    throw new ShapeError(`slice: [${begin}, ${end}) is not a part of axis ${axis}, which has ${length} indices`, {
      details: describe({ x }),
      fix: `pass 0 <= begin <= end <= ${length}`,
    });
  }
  return differentiable(sliceOp, x, { shape: x.shape, axis, begin, n: end - begin });
}

/** Applies an op of one tensor; integers have no gradient. */
export function differentiable<O>(op: DifferentiableOp<O>, x: Tensor, options: O): Tensor {
  const float = x.dtype === "f32" || x.dtype === "f16";
  return (float ? apply(op, [x], options) : op.forward([x], options).outputs)[0] as Tensor;
}
