import { ConfigError, type Field, field } from "@dilated/core";
import type { Branch, DilatedAttentionOptions } from "@dilated/kernels";
import { headProblems } from "../layers/head-sizes.ts";
import { POSITIONS, type PositionKind } from "../layers/positions.ts";
import { asResolved, complete } from "../options/kinds.ts";

/**
 * Where layer norms stand. `"sub"`: before each sublayer and inside it, before its last projection (MAGNETO). `"pre"`: before each sublayer.
 * `"deep"`: after each residual sum, whose stream is scaled by depth (DeepNet). `"post"`: after each residual sum.
 */
export type NormPlacement = "sub" | "pre" | "deep" | "post";

/** Non-linearity of the feed-forward; `glu`, `swiglu`, `geglu` and `reglu` gate with sigmoid, silu, gelu and relu. */
export type ActivationKind = "gelu" | "relu" | "silu" | "glu" | "swiglu" | "geglu" | "reglu";

/** A stack of transformer layers, as plain JSON; encoder and decoder share it. */
export interface StackConfig {
  /** E: model width, a multiple of `heads`. */
  readonly dim: number;
  /** Number of layers. */
  readonly layers: number;
  /** H; dim / heads must be a multiple of 4, at most 256. */
  readonly heads: number;
  /** G: key/value heads, a divisor of `heads`. @defaultValue heads */
  readonly kvHeads: number;
  /** F: feed-forward width, a multiple of 4. @defaultValue 4 · dim */
  readonly hidden: number;
  /** Segment lengths and dilations of the attention, smallest first. */
  readonly branches: readonly Branch[];
  /** @defaultValue "sub" */
  readonly norm: NormPlacement;
  /** @defaultValue "gelu" */
  readonly activation: ActivationKind;
  /** How tokens learn where they are. @defaultValue "xpos" in LongNetLM, "none" elsewhere */
  readonly position: PositionKind;
  /** Rows of the table of learned positions. @defaultValue 0; needed when position is "learned" */
  readonly maxPositions: number;
  /**
   * Tokens over which xPos decays; see `xpos`. The published 512 makes keys beyond a few thousand tokens invisible, whatever branch brings them in, so
   * the default follows the longest segment. torchscale weights need 512, which their import sets.
   *
   * @defaultValue max(512, longest segment)
   */
  readonly xposScaleBase: number;
  /** Dropout after embedding, attention and feed-forward, while training. @defaultValue 0 */
  readonly dropout: number;
  /** Dropout of attention weights. @defaultValue 0 */
  readonly attentionDropout: number;
  /** Dropout behind the feed-forward's non-linearity. @defaultValue 0 */
  readonly activationDropout: number;
  /** Share of samples that skip a sublayer of the last layer; rises linearly from 0 at the first. @defaultValue 0 */
  readonly dropPath: number;
  /** Layer-norm epsilon. @defaultValue 1e-5 */
  readonly eps: number;
  /** Layer norm behind the last layer. @defaultValue true with norm "pre" and "sub" */
  readonly finalNorm: boolean;
  /** As in `dilatedAttention`. @defaultValue "modulo" */
  readonly headOffset: NonNullable<DilatedAttentionOptions["headOffset"]>;
  /** As in `dilatedAttention`. @defaultValue "truncate" */
  readonly remainder: NonNullable<DilatedAttentionOptions["remainder"]>;
  /** As in `dilatedAttention`. @defaultValue "exact" */
  readonly gradient: NonNullable<DilatedAttentionOptions["gradient"]>;
  /** Recompute each layer in backward: memory of one layer instead of all, for one more forward pass. @defaultValue false */
  readonly checkpointing: boolean;
}

/** What has to be given; the rest has defaults. */
export type StackOptions = Pick<StackConfig, "dim" | "layers" | "heads" | "branches"> & Partial<StackConfig>;

/** Kernels count tokens in 32 bits. */
const LENGTH = field.positiveInteger(2 ** 31 - 1);

/** A list of branches. */
export const branchesField: Field<readonly Branch[]> = field.list(
  field.object({ segment: LENGTH, dilation: LENGTH }),
  1,
);

/** A stack before what was left out is derived from the rest. */
export type StackValues = Omit<StackConfig, Derived> & {
  readonly [K in Derived]: StackConfig[K] | undefined;
};

type Derived = "kvHeads" | "hidden" | "xposScaleBase" | "finalNorm";

/** Fields of {@link StackConfig}, as `checkConfig` takes them. */
export type StackSchema = { readonly [K in keyof StackValues]: Field<StackValues[K]> };

export const ACTIVATIONS = ["gelu", "relu", "silu", "glu", "swiglu", "geglu", "reglu"] as const;

/** The schema of a stack; `position` is the default of that field. */
export function stackSchema(position: PositionKind): StackSchema {
  return {
    dim: field.positiveInteger(),
    layers: field.positiveInteger(4096),
    heads: field.positiveInteger(),
    kvHeads: field.optional(field.positiveInteger()),
    hidden: field.optional(field.positiveInteger()),
    branches: branchesField,
    norm: field.withDefault(field.oneOf<NormPlacement>(["sub", "pre", "deep", "post"]), "sub"),
    activation: field.withDefault(field.oneOf<ActivationKind>(ACTIVATIONS), "gelu"),
    position: field.withDefault(field.oneOf<PositionKind>(POSITIONS), position),
    maxPositions: field.withDefault(field.nonNegativeInteger(), 0),
    xposScaleBase: field.optional(field.positive()),
    dropout: field.withDefault(field.fraction(), 0),
    attentionDropout: field.withDefault(field.fraction(), 0),
    activationDropout: field.withDefault(field.fraction(), 0),
    dropPath: field.withDefault(field.fraction(), 0),
    eps: field.withDefault(field.positive(), 1e-5),
    finalNorm: field.optional(field.boolean()),
    headOffset: field.withDefault(field.oneOf(["modulo", "block"]), "modulo"),
    remainder: field.withDefault(field.oneOf(["truncate", "zeroPad"]), "truncate"),
    gradient: field.withDefault(field.oneOf(["exact", "detached"]), "exact"),
    checkpointing: field.withDefault(field.boolean(), false),
  };
}

/** A configuration of layers, all of it, that of the model around them beside it. */
export const STACK_CONFIG: Field<unknown> = field.having(complete(stackSchema("none")));

/**
 * Derives what was left out, and checks that the sizes fit together.
 *
 * @throws ConfigError that lists every bad field; `path` stands in front of their names.
 */
export function completeStack<T extends StackValues>(
  caller: string,
  values: T,
  path = "",
): Omit<T, Derived> & Pick<StackConfig, Derived> {
  const { dim, heads, kvHeads = heads, hidden = 4 * dim, branches, norm, position, maxPositions } = values;
  const longest = Math.max(...branches.map(({ segment }) => segment));
  const { xposScaleBase = Math.max(512, longest), finalNorm = norm === "pre" || norm === "sub" } = values;
  const details = [
    ...headProblems({ dim, heads, kvHeads }, path),
    ...(hidden % 4 === 0 ? [] : [`${path}hidden: ${hidden}; allowed: a multiple of 4`]),
    ...(position === "learned" && maxPositions === 0
      ? [`${path}maxPositions: 0; allowed with learned positions: a positive integer`]
      : []),
  ];
  if (details.length > 0)
    throw new ConfigError(`${caller}: the sizes do not fit together`, { details, fix: "correct the fields above" });
  return asResolved({ ...values, kvHeads, hidden, xposScaleBase, finalNorm });
}
