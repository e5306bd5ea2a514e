import { bad } from "./errors.ts";
import { describe, isTensor, kindOf, type PickleValue, type PthStorage, type PthTensor } from "./values.ts";

/** As torch: a tensor has at most 64 axes. */
const MOST_AXES = 64;

/** `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`: a view, checked to lie within its storage. */
export function rebuildTensor([storage, offset, size, stride]: readonly PickleValue[]): PthTensor {
  if (storage === undefined || kindOf(storage) !== "storage")
    throw bad(`a tensor is made of ${describe(storage)} instead of a storage`);
  const { numel } = storage as PthStorage;
  const [shape, steps] = [counts(size, "size"), counts(stride, "stride")];
  if (shape.length !== steps.length) throw bad(`a tensor has ${shape.length} sizes and ${steps.length} strides`);
  if (!isCount(offset)) throw bad(`a tensor begins at element ${describe(offset)}`);
  const last = shape.reduce((sum, axis, i) => sum + (axis - 1) * (steps[i] as number), offset);
  if (!shape.includes(0) && !(last < numel)) {
    throw bad(
      `a tensor [${shape.join(", ")}] with strides [${steps.join(", ")}] reaches element ${last} of a storage of ${numel}`,
    );
  }
  return { kind: "tensor", storage: storage as PthStorage, offset, shape, stride: steps };
}

/** `_rebuild_parameter(tensor, requires_grad, hooks)` */
export function rebuildParameter([tensor = null]: readonly PickleValue[]): PthTensor {
  if (!isTensor(tensor)) throw bad(`a parameter is made of ${describe(tensor)}`);
  return tensor;
}

function counts(value: PickleValue | undefined, what: string): readonly number[] {
  if (Array.isArray(value) && value.length <= MOST_AXES && value.every(isCount)) return [...value] as number[]; // a copy: the file may go on to change its own
  throw bad(`a tensor has a ${what} that is not a list of at most ${MOST_AXES} counts`);
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
