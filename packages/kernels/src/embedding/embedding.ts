import {
  apply,
  checkCall,
  type DifferentiableOp,
  DtypeError,
  field,
  formatShape,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import { checkFloats, describe } from "../shared/check.ts";
import { stored, widen } from "../shared/half.ts";
import { launchGather, launchScatter } from "./launch.ts";

const ARGUMENTS = { table: field.tensor(), ids: field.tensor() };

const embeddingOp: DifferentiableOp<{ readonly table: Tensor["shape"]; readonly dtype: Tensor["dtype"] }> = {
  name: "embedding",
  forward([table, ids]) {
    if (!table || !ids) return { outputs: [], saved: [] };
    const y = table.device.empty([...ids.shape, table.shape[1] ?? 0], { dtype: table.dtype, label: "embedding" });
    launchGather("embedding", table, ids, y);
    return { outputs: [y], saved: [ids] };
  },
  backward({ saved: [ids], grads: [grad], place, options: { table, dtype } }) {
    if (!ids || !grad) return [];
    return ids.device.scope(() => {
      const own = dtype === "f32" ? place?.(0) : undefined;
      const sums = own ?? ids.device.empty(table, { label: "embedding grad" });
      launchScatter("embedding", widen(grad), ids, sums);
      return [stored(sums, dtype)];
    });
  },
};

/**
 * Rows of a table by index. The gradient sums the rows of repeated ids in token order: deterministic, no atomics.
 *
 * An id outside [0, V) gives a row of NaN and no gradient (as `jnp.take` fills), so that a wrong vocabulary shows in the loss; nothing outside the
 * table is ever read. {@link checkTokens} finds such ids while they are still an array.
 *
 * @param table - [V, E], f32 or f16, E a multiple of 4
 * @param ids - i32 or u32, any shape [...]
 * @returns [..., E] in the dtype of the table; differentiable in the table.
 * @throws ShapeError, DtypeError, DeviceError
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { embedding } from "@dilated/kernels";
 * const device = await openDevice();
 * const table = device.randomNormal([256, 32], { seed: 1 }); // [V, E]
 * const x = embedding(table, device.tensor([7, 1, 7], [1, 3], { dtype: "i32" })); // [1, 3, 32]
 * device.dispose();
 * ```
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  checkCall("embedding", ARGUMENTS, arguments);
  checkFloats("embedding", { table });
  const [V = 0, E = 0] = table.shape;
  if (table.rank !== 2 || V === 0 || E === 0 || E % 4 !== 0) {
    throw new ShapeError("embedding: table must be [V, E] with E a multiple of 4", {
      details: [`table: ${formatShape(table.shape)}`],
      fix: "pad E with zero columns",
    });
  }
  if (ids.dtype !== "i32" && ids.dtype !== "u32") {
    throw new DtypeError("embedding: ids must be i32 or u32", {
      details: describe({ ids }),
      fix: 'make them with { dtype: "i32" }',
    });
  }
  return apply(embeddingOp, [table, ids], { table: table.shape, dtype: table.dtype })[0] as Tensor;
}
