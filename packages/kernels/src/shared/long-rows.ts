import { BYTES, cast, type Tensor } from "@dilated/core";
import { fitsBinding } from "./blocks.ts";
import { putRuns, takeRuns } from "./parts.ts";
import { type Rows, settle } from "./rows.ts";

/** Whether a row fits a binding, in f32 where rows are made as f32; WebAssembly binds nothing. */
export function rowsFit({ device }: Tensor, { width }: Rows): boolean {
  return fitsBinding(device, { byteLength: width * BYTES.f32 });
}

/**
 * Does to each row what its kernel cannot do to rows longer than a binding.
 *
 * @param tensors - [rows, width]; the result has the shape and dtype of the first
 * @param work - gives a row for rows in f32
 */
export function byRows(
  tensors: readonly [Tensor, ...Tensor[]],
  { rows }: Rows,
  work: (rows: readonly Tensor[]) => Tensor,
): Tensor {
  const [{ device, dtype, shape, label }] = tensors;
  return device.scope(() => {
    const result = device.empty(shape, { label });
    for (let begin = 0; begin < rows; begin++) {
      const part = { lead: 1, total: rows, begin, count: 1 };
      device.scope(() => putRuns(work(tensors.map((tensor) => cast(takeRuns(tensor, part), "f32"))), result, part));
    }
    return settle(result, dtype);
  });
}
