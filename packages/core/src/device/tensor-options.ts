import * as field from "../config/fields.ts";
import { checkOptions } from "../config/validate.ts";
import { RANDOM_OPTIONS, type RandomOptions } from "../ops/random.ts";
import { BYTES, type DType } from "../tensor/dtype.ts";

/** How a new tensor is stored and named. */
export interface TensorOptions {
  /** @defaultValue "f32" */
  readonly dtype?: DType | undefined;
  /** Name in `stats()` and in errors. @defaultValue "tensor" */
  readonly label?: string | undefined;
}

export const TENSOR_OPTIONS: field.FieldsOf<TensorOptions> = {
  dtype: field.optional(field.oneOf(Object.keys(BYTES) as DType[])),
  label: field.optional(field.string()),
};

const BOTH = { ...RANDOM_OPTIONS, ...TENSOR_OPTIONS };

/** The two halves of the options of a random tensor, checked before anything is allocated for it. */
export function splitRandom(
  caller: string,
  options: RandomOptions & TensorOptions,
): { readonly tensor: TensorOptions; readonly random: RandomOptions } {
  checkOptions(caller, BOTH, options);
  const { dtype, label, ...random } = options;
  return { tensor: { ...(dtype && { dtype }), ...(label === undefined ? {} : { label }) }, random };
}
