import { type Field, type FieldsOf, field, type Schema } from "@dilated/core";
import { DEPTH } from "../init/magneto.ts";
import type { LongNetForwardOptions } from "../longnet/longnet.ts";
import type { ForwardOptions, StackCall } from "./stack.ts";

/** A tensor, or one value a token on the host. */
export const KEY_MASK: Field<unknown> = field.optional(
  field.either(field.tensor(), field.numbers(), "a u32 tensor [B, N] or one number or boolean a token"),
);

/** The options of a model's forward pass. */
export const FORWARD_OPTIONS: FieldsOf<ForwardOptions> = {
  dropoutSeed: field.optional(field.nonNegativeInteger()),
  keyMask: KEY_MASK,
  cuSeqlens: field.optional(field.numbers()),
  attend: field.optional(field.func("of the number of a layer")),
  starts: field.optional(field.numbers()),
};

/** They may be left out. */
export const FORWARD: Field<unknown> = field.options<ForwardOptions>(FORWARD_OPTIONS);

export const ENCODER_DECODER_OPTIONS: FieldsOf<LongNetForwardOptions> = { ...FORWARD_OPTIONS, sourceMask: KEY_MASK };

export const STACK_CALL: FieldsOf<StackCall> = {
  ...FORWARD_OPTIONS,
  causal: field.boolean(),
  context: field.optional(field.either(field.tensor(), field.func("of the number of a layer"))),
  contextMask: KEY_MASK,
  depth: field.object(DEPTH),
  firstSlot: field.optional(field.nonNegativeInteger(4096)),
  onState: field.optional(field.func("of a state")),
};

/** The arguments of what makes a model. */
export const CREATE: Schema = {
  device: field.device(),
  config: field.having({}), // checked field by field
  options: field.options<{ readonly seed?: number }>({ seed: field.optional(field.nonNegativeInteger()) }),
};

/** How fresh weights are drawn. */
export const SEED_OPTIONS: FieldsOf<{ readonly seed?: number }> = { seed: field.optional(field.nonNegativeInteger()) };
