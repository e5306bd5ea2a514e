import { ConfigError, checkConfig, field } from "@dilated/core";
import type { Branch } from "@dilated/kernels";
import type { PositionKind } from "../layers/attention-block.ts";

/** What a LongNet language model is, as plain JSON. */
export interface LongNetLMConfig {
  /** V: number of tokens. @defaultValue 256 (bytes) */
  readonly vocab: number;
  /** E: model width, a multiple of `heads`. */
  readonly dim: number;
  /** Number of decoder layers. */
  readonly layers: number;
  /** H; dim / heads must be a multiple of 4, at most 256. */
  readonly heads: number;
  /** G: key/value heads, a divisor of `heads`. @defaultValue heads */
  readonly kvHeads: number;
  /** F: feed-forward width. @defaultValue 4 · dim */
  readonly hidden: number;
  /** Segment lengths and dilations of the attention, smallest first. */
  readonly branches: readonly Branch[];
  /** @defaultValue "xpos" */
  readonly position: PositionKind;
  /** Dropout after attention and feed-forward, while training. @defaultValue 0 */
  readonly dropout: number;
  /** Use the embedding as output projection. @defaultValue true */
  readonly tied: boolean;
  /** Layer-norm epsilon. @defaultValue 1e-5 */
  readonly eps: number;
  /** Recompute each layer in backward: memory of one layer instead of all, for one more forward pass. @defaultValue false */
  readonly checkpointing: boolean;
}

/** What has to be given; the rest has defaults. */
export type LongNetLMOptions = Pick<LongNetLMConfig, "dim" | "layers" | "heads" | "branches"> &
  Partial<LongNetLMConfig>;

const branch = field.object({ segment: field.positiveInteger(), dilation: field.positiveInteger() });

const schema = {
  vocab: field.withDefault(field.positiveInteger(), 256),
  dim: field.positiveInteger(),
  layers: field.positiveInteger(),
  heads: field.positiveInteger(),
  kvHeads: field.optional(field.positiveInteger()),
  hidden: field.optional(field.positiveInteger()),
  branches: field.list(branch, 1),
  position: field.withDefault(field.oneOf<PositionKind>(["xpos", "rope", "none"]), "xpos"),
  dropout: field.withDefault(field.fraction(), 0),
  tied: field.withDefault(field.boolean(), true),
  eps: field.withDefault(field.positive(), 1e-5),
  checkpointing: field.withDefault(field.boolean(), false),
};

/**
 * Fills in the defaults and checks everything.
 *
 * @throws ConfigError that lists every bad field.
 */
export function resolveLongNetLM(options: LongNetLMOptions): LongNetLMConfig {
  const values = checkConfig("LongNetLM", schema, options);
  const { dim, heads, kvHeads = heads, hidden = 4 * dim } = values;
  const head = dim / heads;
  const details = [
    ...(head % 4 === 0 && head <= 256
      ? []
      : [`dim / heads: ${dim} / ${heads} = ${head}; allowed: a multiple of 4 up to 256`]),
    ...(heads % kvHeads === 0 ? [] : [`kvHeads: ${kvHeads}; allowed: a divisor of heads, ${heads}`]),
    ...(hidden % 4 === 0 ? [] : [`hidden: ${hidden}; allowed: a multiple of 4`]),
  ];
  if (details.length > 0)
    throw new ConfigError("LongNetLM: the sizes do not fit together", { details, fix: "correct the fields above" });
  return Object.freeze({ ...values, kvHeads, hidden });
}
