import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { ShapeError } from "../errors/index.ts";
import type { Tensor } from "./tensor.ts";

/** Which elements are read, as they lie in memory: row-major. */
export interface ReadRange {
  /** First element. @defaultValue 0 */
  readonly begin?: number;
  /** Element behind the last one. @defaultValue the tensor's size */
  readonly end?: number;
}

const ELEMENT = field.optional(field.nonNegativeInteger());
const ARGUMENTS = { range: field.options<ReadRange>({ begin: ELEMENT, end: ELEMENT }) };

/** Checks what a reading method of a tensor was given. */
export function rangeOf(caller: string, tensor: Tensor, given: ArrayLike<unknown>): Required<ReadRange> {
  checkCall(caller, ARGUMENTS, given);
  const { size } = tensor;
  const { begin = 0, end = size } = (given[0] ?? {}) as ReadRange;
  if (begin <= end && end <= size) return { begin, end };
  throw new ShapeError(`${caller}: [${begin}, ${end}) is not a part of the tensor's ${size} elements`, {
    details: [String(tensor)],
    fix: `pass 0 <= begin <= end <= ${size}`,
  });
}
