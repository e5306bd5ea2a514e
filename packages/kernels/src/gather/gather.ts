import {
  apply,
  ConfigError,
  checkCall,
  type DifferentiableOp,
  type DType,
  DtypeError,
  field,
  type Shape,
  ShapeError,
  Tensor,
} from "@dilated/core";
import { launchGather, launchScatter, rowsOfTable } from "../embedding/launch.ts";
import { describe } from "../shared/check.ts";
import { stored, widen } from "../shared/half.ts";
import { settle } from "../shared/rows.ts";

const ARGUMENTS = {
  x: field.tensor(),
  indices: field.either(field.tensor(), field.numbers(), "a Tensor of i32 or u32, or a list of numbers"),
};

function rowsAt(x: Tensor, indices: Tensor): Tensor {
  const { device, dtype } = x;
  const [, E] = rowsOfTable(x);
  // WGSL cannot write single f16 elements.
  const odd = dtype === "f16" && device.info.backend === "webgpu" && E % 4 !== 0;
  const y = device.empty([...indices.shape, ...x.shape.slice(1)], { dtype: odd ? "f32" : dtype, label: "gather" });
  if (y.size > 0) launchGather("gather", x, indices, y);
  return settle(y, dtype);
}

const gatherOp: DifferentiableOp<{ readonly shape: Shape; readonly dtype: DType }> = {
  name: "gather",
  forward: ([x, indices]) =>
    x && indices ? { outputs: [rowsAt(x, indices)], saved: [indices] } : { outputs: [], saved: [] },
  backward: ({ saved: [indices], grads: [dy], options: { shape, dtype } }) => {
    if (!indices || !dy) return [];
    const { device } = indices;
    if (dy.size === 0) return [device.zeros(shape, { dtype, label: "grad" })];
    return device.scope(() => {
      const sums = device.empty(shape, { label: "grad" });
      launchScatter("gather", widen(dy), indices, sums);
      return [stored(sums, dtype)];
    });
  },
};

/** Throws unless each index is a row; a list of the host's can be looked at without waiting. */
function checkIndices(indices: ArrayLike<number>, rows: number): void {
  const inside = (index: unknown) => Number.isInteger(index) && (index as number) >= 0 && (index as number) < rows;
  const first = Array.prototype.findIndex.call(indices, (index) => !inside(index));
  if (first < 0) return;
  throw new ConfigError(`gather: there is no row ${String(indices[first])}`, {
    details: [`indices[${first}] of ${indices.length}`, `rows: ${rows}`],
    fix: rows === 0 ? "pass an x with rows" : `pass whole numbers from 0 to ${rows - 1}`,
  });
}

/**
 * Rows by index: y[i] = x[indices[i]]. The gradient sums the rows of repeated indices in their order: deterministic, no
 * atomics.
 *
 * An index on the device outside [0, V) gives a row of NaN (of all ones in integers) and no gradient, as {@link
 * embedding} does; one in a list is an error.
 *
 * @param x - [V, ...], any dtype
 * @param indices - i32 or u32 of any shape, or a list of numbers
 * @returns [...indices, ...], the rows; differentiable in x where it is f32 or f16
 * @throws ShapeError for a scalar, or an x without rows; DtypeError for indices of floats; ConfigError for an index in
 * a list that is no row.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { gather } from "@dilated/kernels";
 * const device = await openDevice();
 * const x = device.randomNormal([96, 32], { seed: 1 }); // [N, E]
 * const y = gather(x, [95, 0, 95]); // [3, 32]
 * device.dispose();
 * ```
 */
export function gather(x: Tensor, indices: Tensor | ArrayLike<number>): Tensor {
  checkCall("gather", ARGUMENTS, arguments);
  const [V] = rowsOfTable(x);
  const some = indices instanceof Tensor ? indices.size > 0 : indices.length > 0;
  if (x.rank === 0 || (V === 0 && some)) {
    throw new ShapeError("gather: x must have rows", { details: describe({ x }), fix: "reshape it to [V, ...]" });
  }
  const options = { shape: x.shape, dtype: x.dtype };
  const take = (at: Tensor): Tensor => {
    const float = x.dtype === "f32" || x.dtype === "f16";
    return float ? (apply(gatherOp, [x, at], options)[0] as Tensor) : x.device.scope(() => rowsAt(x, at));
  };
  if (indices instanceof Tensor) {
    if (indices.dtype === "i32" || indices.dtype === "u32") return take(indices);
    throw new DtypeError("gather: indices must be i32 or u32", {
      details: describe({ indices }),
      fix: 'make them with { dtype: "i32" }',
    });
  }
  checkIndices(indices, V);
  return x.device.scope(() => take(x.device.tensor(indices, [indices.length], { dtype: "u32", label: "indices" })));
}
