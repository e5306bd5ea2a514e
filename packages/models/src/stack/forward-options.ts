import { type Field, type FieldsOf, field, Tensor } from "@dilated/core";
import type { LongNetForwardOptions } from "../longnet/longnet.ts";
import type { ForwardOptions, StackCall } from "./stack.ts";

/** A tensor, or one value a token on the host. */
export const KEY_MASK: Field<unknown> = field.optional(
  field.custom(
    "a u32 tensor [B, N] or one number or boolean a token",
    (value) => value instanceof Tensor || Array.isArray(value) || ArrayBuffer.isView(value),
  ),
);

/** The options of a model's forward pass. */
export const FORWARD_OPTIONS: FieldsOf<ForwardOptions> = {
  dropoutSeed: field.optional(field.nonNegativeInteger()),
  keyMask: KEY_MASK,
  cuSeqlens: field.optional(field.numbers()),
  attend: field.optional(field.func("of the number of a layer")),
  starts: field.optional(field.numbers()),
};

export const ENCODER_DECODER_OPTIONS: FieldsOf<LongNetForwardOptions> = { ...FORWARD_OPTIONS, sourceMask: KEY_MASK };

export const STACK_CALL: FieldsOf<StackCall> = {
  ...FORWARD_OPTIONS,
  causal: field.boolean(),
  context: field.optional(
    field.custom(
      "a tensor, or a function of the number of a layer",
      (value) => value instanceof Tensor || typeof value === "function",
    ),
  ),
  contextMask: KEY_MASK,
  depth: field.any("where the stack stands: role, layers, other"),
  firstSlot: field.optional(field.nonNegativeInteger()),
  onState: field.optional(field.func("of a state")),
};

/** How fresh weights are drawn. */
export const SEED_OPTIONS: FieldsOf<{ readonly seed?: number }> = { seed: field.optional(field.nonNegativeInteger()) };
