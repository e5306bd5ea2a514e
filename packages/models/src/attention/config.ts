import { ConfigError, checkConfig, type Field, field } from "@dilated/core";
import { type Branch, coverage, type DilatedAttentionCall, type DilatedAttentionOptions } from "@dilated/kernels";
import { headProblems } from "../layers/head-sizes.ts";
import { asResolved } from "../options/kinds.ts";
import { branchesField } from "../stack/config.ts";

/** What every multi-head attention module has, as plain JSON. */
export interface MultiheadConfig {
  /** E: width of queries, keys, values and output, a multiple of `heads`. */
  readonly dim: number;
  /** H; dim / heads must be a multiple of 4, at most 256. */
  readonly heads: number;
  /** G: key/value heads, a divisor of `heads`. @defaultValue heads */
  readonly kvHeads: number;
  /** Turns queries and keys by their positions. @defaultValue "none" */
  readonly position: "none" | "rope" | "xpos";
  /** Tokens over which xPos decays. @defaultValue max(512, longest segment); 512 for `"dense"` */
  readonly xposScaleBase: number;
  /** Sub-LN: a layer norm between the heads' joint output and the last projection (MAGNETO). @defaultValue true */
  readonly subLN: boolean;
  /** Epsilon of that norm. @defaultValue 1e-5 */
  readonly eps: number;
  /** A token sees itself and earlier tokens only; a call may say otherwise. @defaultValue false */
  readonly causal: boolean;
  /** Dropout of attention weights, where a call gives a `dropoutSeed`. @defaultValue 0 */
  readonly dropout: number;
}

/** Branches and how they are trained. */
interface BranchedConfig extends MultiheadConfig {
  readonly branches: readonly Branch[];
  /** As in `dilatedAttention`. @defaultValue "truncate" */
  readonly remainder: NonNullable<DilatedAttentionOptions["remainder"]>;
  /** As in `dilatedAttention`. @defaultValue "exact" */
  readonly gradient: NonNullable<DilatedAttentionOptions["gradient"]>;
}

/** Configuration of each kind of attention, as plain JSON. */
export interface MultiheadConfigByKind {
  /** LongNet's: every head in every branch. */
  readonly dilated: BranchedConfig & {
    /** As in `dilatedAttention`. @defaultValue "modulo" */
    readonly headOffset: NonNullable<DilatedAttentionOptions["headOffset"]>;
  };
  /** That of the PyTorch `DilatedAttention` modules: each group of heads in one branch. */
  readonly partitioned: BranchedConfig;
  /** A token sees its own segment, whole. */
  readonly local: MultiheadConfig & {
    /** w, in tokens. */
    readonly segment: number;
  };
  /** A token sees every token. */
  readonly dense: MultiheadConfig;
}

/** Name of a kind of attention. */
export type AttentionKind = keyof MultiheadConfigByKind;

/** What has to be given of a configuration: sizes and pattern; the rest has defaults. */
export type MultiheadOptions<K extends AttentionKind> = Partial<MultiheadConfigByKind[K]> &
  Pick<MultiheadConfigByKind[K], Extract<keyof MultiheadConfigByKind[K], "dim" | "heads" | "branches" | "segment">>;

type Derived = "kvHeads" | "xposScaleBase";
type Values<C> = { readonly [P in keyof C]: P extends Derived ? C[P] | undefined : C[P] };
type SchemaOf<C> = { readonly [P in keyof Values<C>]: Field<Values<C>[P]> };

const common: SchemaOf<MultiheadConfig> = {
  dim: field.positiveInteger(),
  heads: field.positiveInteger(),
  kvHeads: field.optional(field.positiveInteger()),
  position: field.withDefault(field.oneOf(["none", "rope", "xpos"]), "none"),
  xposScaleBase: field.optional(field.positive()),
  subLN: field.withDefault(field.boolean(), true),
  eps: field.withDefault(field.positive(), 1e-5),
  causal: field.withDefault(field.boolean(), false),
  dropout: field.withDefault(field.fraction(), 0),
};

const branched: SchemaOf<BranchedConfig> = {
  ...common,
  branches: branchesField,
  remainder: field.withDefault(field.oneOf(["truncate", "zeroPad"]), "truncate"),
  gradient: field.withDefault(field.oneOf(["exact", "detached"]), "exact"),
};

/** Fields of each kind. */
export const ATTENTION_SCHEMAS: { readonly [K in AttentionKind]: SchemaOf<MultiheadConfigByKind[K]> } = {
  dilated: { ...branched, headOffset: field.withDefault(field.oneOf(["modulo", "block"]), "modulo") },
  partitioned: branched,
  local: { ...common, segment: field.positiveInteger() },
  dense: common,
};

/** Every kind, for messages. */
export const ATTENTION_KINDS: readonly AttentionKind[] = Object.keys(ATTENTION_SCHEMAS) as AttentionKind[];

/** What of `dilatedAttention`'s options a kind decides. */
export type AttentionPattern = Pick<
  DilatedAttentionCall,
  "branches" | "headOffset" | "remainder" | "gradient" | "heads"
>;

/** The options of each kind for sequences of at most `tokens`. */
export const PATTERNS: {
  readonly [K in AttentionKind]: (config: Omit<MultiheadConfigByKind[K], Derived>, tokens: number) => AttentionPattern;
} = {
  dilated: ({ branches, headOffset, remainder, gradient }) => ({ branches, headOffset, remainder, gradient }),
  partitioned: ({ branches, remainder, gradient }) => ({ branches, remainder, gradient, heads: "partitioned" }),
  local: ({ segment }) => ({ branches: [{ segment, dilation: 1 }] }),
  dense: (_, tokens) => ({ branches: [{ segment: Math.max(1, tokens), dilation: 1 }] }),
};

/**
 * Fills in the defaults and checks everything.
 *
 * @throws ConfigError for unknown kinds (it lists the known ones), and for every bad field.
 */
export function resolveMultihead<K extends AttentionKind>(
  caller: string,
  kind: K,
  options: MultiheadOptions<K>,
): MultiheadConfigByKind[K] {
  if (!Object.hasOwn(ATTENTION_SCHEMAS, kind)) {
    throw new ConfigError(`${caller}: unknown kind ${String(kind)}`, {
      details: [`known: ${ATTENTION_KINDS.join(", ")}`],
      fix: "use a known kind",
    });
  }
  const values = checkConfig(caller, ATTENTION_SCHEMAS[kind], options) as Values<MultiheadConfigByKind[K]>;
  const { dim, heads, kvHeads = heads }: Values<MultiheadConfig> = values;
  const details = headProblems({ dim, heads, kvHeads });
  if (details.length > 0)
    throw new ConfigError(`${caller}: the sizes do not fit together`, { details, fix: "correct the fields above" });
  const pattern = PATTERNS[kind](values as Omit<MultiheadConfigByKind[K], Derived>, 1);
  coverage({ N: 1, H: heads }, pattern); // what the fields allow one by one may not go together
  const longest = Math.max(...pattern.branches.map(({ segment }) => segment));
  const { xposScaleBase = Math.max(512, longest) }: Values<MultiheadConfig> = values;
  return asResolved({ ...values, kvHeads, xposScaleBase }) as unknown as MultiheadConfigByKind[K];
}
