import { apply, checkCall, type DifferentiableOp, field, type Shape, ShapeError, type Tensor } from "@dilated/core";
import { axisOf } from "../shared/axis.ts";
import { checkSameDtype, describe } from "../shared/check.ts";
import { assemble, stridesOf } from "./move.ts";
import { takePart } from "./slice.ts";

/** How {@link concat} puts tensors together. */
export interface ConcatOptions {
  /** Axis along which they follow one another; negative numbers count from the end. @defaultValue 0 */
  readonly axis?: number | undefined;
}

const ARGUMENTS = {
  tensors: field.list(field.tensor(), 1),
  options: field.options<ConcatOptions>({ axis: field.optional(field.custom("an integer", Number.isInteger)) }),
};

/** The result's shape, and the lengths along the axis. */
interface Joint {
  readonly shape: Shape;
  readonly axis: number;
  readonly lengths: readonly number[];
}

function join(tensors: readonly Tensor[], { shape, axis }: Joint): Tensor {
  const { device, dtype } = tensors[0] as Tensor;
  const strides = stridesOf(shape);
  let to = 0;
  const moves = tensors.map((x) => {
    const own = stridesOf(x.shape);
    const axes = x.shape.map((n, i) => ({ n, from: own[i] as number, to: strides[i] as number }));
    const move = { x, axes, to };
    to += (x.shape[axis] as number) * (strides[axis] as number);
    return move;
  });
  return assemble({ device, dtype, shape, label: "concat", moves });
}

const concatOp: DifferentiableOp<Joint> = {
  name: "concat",
  forward: (inputs, joint) => ({ outputs: [join(inputs as readonly Tensor[], joint)], saved: [] }),
  backward: ({ grads: [dy], needs, options: { shape, axis, lengths } }) => {
    let begin = 0;
    return lengths.map((n, i) => {
      const part = { shape, axis, begin, n };
      begin += n;
      return dy && needs[i] ? takePart(dy, part, "grad") : undefined;
    });
  },
};

/**
 * Tensors one behind the other along an axis.
 *
 * @param tensors - at least one; of one dtype, and of one shape but for that axis
 * @returns differentiable where they are f32 or f16
 * @throws ConfigError for an empty list, an unknown option or axis; DtypeError, ShapeError where they differ;
 * DeviceError.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { concat } from "@dilated/kernels";
 * const device = await openDevice();
 * const [prompt, rest] = [device.zeros([2, 10, 32]), device.zeros([2, 6, 32])];
 * const all = concat([prompt, rest], { axis: 1 }); // [2, 16, 32]
 * device.dispose();
 * ```
 */
export function concat(tensors: readonly Tensor[], options: ConcatOptions = {}): Tensor {
  checkCall("concat", ARGUMENTS, arguments);
  const first = tensors[0] as Tensor;
  const axis = axisOf("concat", first, options.axis ?? 0);
  const named = Object.fromEntries(tensors.map((tensor, i) => [`tensors[${i}]`, tensor]));
  checkSameDtype("concat", named);
  for (const { shape, rank } of tensors) {
    if (rank === first.rank && shape.every((n, i) => i === axis || n === first.shape[i])) continue;
    throw new ShapeError(`concat: the tensors must have one shape, but for axis ${axis}`, {
      details: describe(named),
      fix: "reshape() or slice() those that differ",
    });
  }
  const lengths = tensors.map(({ shape }) => shape[axis] as number);
  const shape = first.shape.map((n, i) => (i === axis ? lengths.reduce((sum, length) => sum + length, 0) : n));
  const joint = { shape, axis, lengths };
  const float = first.dtype === "f32" || first.dtype === "f16";
  return float ? (apply(concatOp, tensors, joint)[0] as Tensor) : join(tensors, joint);
}
