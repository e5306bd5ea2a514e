import {
  ConfigError,
  checkArgument,
  checkCall,
  type FieldsOf,
  field,
  reshape,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import { type DilatedAttentionCall, dilatedAttention, layerNorm, linear } from "@dilated/kernels";
import { ATTENTION, complete, LABEL } from "../options/kinds.ts";
import { branchesField, type StackSchema, stackSchema } from "../stack/config.ts";
import { KEY_MASK } from "../stack/forward-options.ts";
import { checkHeads } from "./head-sizes.ts";
import { checkBounds, checkMask } from "./masks.ts";
import {
  INIT,
  INIT_OPTIONS,
  type Initializer,
  type InitOptions,
  initLinear,
  initNorm,
  type LinearParameters,
  type NormParameters,
} from "./parameters.ts";
import { POSITIONS, type PositionKind, rotate } from "./positions.ts";

/** Weights of multi-head dilated attention. */
export interface AttentionParameters {
  /** [E, E] */
  readonly query: LinearParameters;
  /** [G·D, E] */
  readonly key: LinearParameters;
  /** [G·D, E] */
  readonly value: LinearParameters;
  /** Sub-LN: normalises the heads' joint output before the last projection (MAGNETO); absent without. */
  readonly innerNorm?: NormParameters;
  /** [E, E] */
  readonly output: LinearParameters;
}

/** Shape of an attention block. */
export interface AttentionShape {
  /** E */
  readonly dim: number;
  /** H */
  readonly heads: number;
  /** G, divides H */
  readonly kvHeads: number;
  readonly position: PositionKind;
  readonly xposScaleBase: number;
  readonly eps: number;
}

/** Takes the place of turning and attending: q [B, N, H, D] and k, v [B, N, G, D] as projected -> [B, N, H, D]. Decoding puts its cache here. */
export type Attend = (q: Tensor, k: Tensor, v: Tensor) => Tensor;

/** Attends to keys and values that were projected before: q [B, N, H, D] as projected -> [B, N, H, D]. */
export type Recall = (q: Tensor) => Tensor;

/** What {@link multiheadDilatedAttention} attends to, and how. */
export interface MultiheadCall extends Omit<DilatedAttentionCall, "queryOffset" | "cuSeqlensK"> {
  /** [B, M, E], whose keys are attended to. M may differ from N; positions then count from 0 on both sides. @defaultValue the query */
  readonly key?: Tensor | undefined;
  /** [B, M, E]. @defaultValue the key */
  readonly value?: Tensor | undefined;
  /** Used instead of the other options. @defaultValue turn by position, and attend over the whole sequence */
  readonly attend?: Attend | undefined;
  /** Used instead of key, value and the other options. @defaultValue project key and value */
  readonly recall?: Recall | undefined;
}

const PATTERN = complete(stackSchema("none")) as StackSchema;

export const MULTIHEAD_CALL: FieldsOf<MultiheadCall> = {
  key: field.optional(field.tensor()),
  value: field.optional(field.tensor()),
  attend: field.optional(field.func("of q, k and v")),
  recall: field.optional(field.func("of q")),
  keyMask: KEY_MASK,
  branches: field.optional(branchesField),
  headOffset: field.optional(PATTERN.headOffset),
  remainder: field.optional(PATTERN.remainder),
  gradient: field.optional(PATTERN.gradient),
  heads: field.optional(field.oneOf(["all", "partitioned"])),
  causal: field.optional(field.boolean()),
  window: field.optional(field.any("as in dilatedAttention")),
  softcap: field.optional(field.positive()),
  scale: field.optional(field.positive()),
  dropout: field.optional(
    field.object({
      p: field.fraction(),
      seed: field.nonNegativeInteger(),
      stream: field.optional(field.nonNegativeInteger(2 ** 16 - 1)),
    }),
  ),
  cuSeqlens: field.optional(field.numbers()),
};

const SIZE = field.positiveInteger();
const HEADS = { dim: SIZE, heads: SIZE, kvHeads: SIZE };
const SHAPE: FieldsOf<AttentionShape> = {
  ...HEADS,
  position: field.oneOf<PositionKind>(POSITIONS),
  xposScaleBase: field.positive(),
  eps: field.positive(),
};
const INIT_CALL = {
  init: INIT,
  shape: field.having(HEADS),
  options: field.object(INIT_OPTIONS),
  label: LABEL,
};
const ARGUMENTS = {
  query: field.tensor("[B, N, E]"),
  p: ATTENTION,
  shape: field.having(SHAPE),
  call: field.object(MULTIHEAD_CALL),
};

/** `gain` scales value and output projections by depth; `inner` adds the norm of sub-LN. */
export function initAttention(
  init: Initializer,
  shape: Pick<AttentionShape, "dim" | "heads" | "kvHeads">,
  options: InitOptions,
  label: string,
): AttentionParameters {
  checkCall("initAttention", INIT_CALL, arguments);
  checkHeads("initAttention", shape);
  const { gain = 1, inner = true } = options;
  const { dim, heads, kvHeads } = shape;
  const kvDim = (dim / heads) * kvHeads;
  return init.all(() => ({
    query: initLinear(init, dim, dim, 1, `${label}.query`),
    key: initLinear(init, dim, kvDim, 1, `${label}.key`),
    value: initLinear(init, dim, kvDim, gain, `${label}.value`),
    ...(inner ? { innerNorm: initNorm(init, dim, `${label}.innerNorm`) } : {}),
    output: initLinear(init, dim, dim, gain, `${label}.output`),
  }));
}

/**
 * Multi-head attention along the branches: project, turn by position, attend, normalise (sub-LN), project. A drop-in for a standard multi-head
 * module: self-attention, grouped-query heads, and attention to other keys and values.
 *
 * @param query - [B, N, E]
 * @returns [B, N, E]
 * @throws ShapeError when key and value do not fit; errors of `dilatedAttention` for its options.
 * @see LongNet (arXiv 2307.02486), equations 3 to 15
 */
export function multiheadDilatedAttention(
  query: Tensor,
  p: AttentionParameters,
  shape: AttentionShape,
  call: MultiheadCall,
): Tensor {
  checkCall("multiheadDilatedAttention", ARGUMENTS, arguments);
  checkHeads("multiheadDilatedAttention", shape);
  const { key = query, value = key, attend, recall, ...options } = call;
  checkOperands("multiheadDilatedAttention", query, key, value, shape.dim);
  const [B = 1, N = 0] = query.shape;
  if (!attend && !recall) {
    if (call.branches === undefined) {
      throw new ConfigError("multiheadDilatedAttention: call.branches is missing", {
        fix: "pass branches: [{ segment, dilation }, ...], or attend",
      });
    }
    checkMask("multiheadDilatedAttention: keyMask", call.keyMask, B, [key.shape[1] ?? 0]);
    checkBounds("multiheadDilatedAttention", call.cuSeqlens, N);
  }
  const { heads, kvHeads, position, xposScaleBase } = shape;
  const sequence: Attend = (q, k, v) =>
    dilatedAttention(rotate(q, position, false, xposScaleBase), rotate(k, position, true, xposScaleBase), v, options)
      .out;
  return query.device.scope(() => {
    const q = projectHeads(query, p.query, heads);
    const attended = recall
      ? recall(q)
      : (attend ?? sequence)(q, projectHeads(key, p.key, kvHeads), projectHeads(value, p.value, kvHeads));
    const what = `what ${recall ? "recall" : "attend"} returns`;
    checkArgument("multiheadDilatedAttention", what, field.tensor("[B, N, H, D]"), attended);
    const out = reshape(attended, query.shape);
    const normed = p.innerNorm ? layerNorm(out, p.innerNorm.weight, p.innerNorm.bias, { eps: shape.eps }) : out;
    return linear(normed, p.output.weight, p.output.bias);
  });
}

/** x [B, N, E] -> [B, N, H, D] of H heads */
export function projectHeads(x: Tensor, w: LinearParameters, heads: number): Tensor {
  const [B = 1, N = 0] = x.shape;
  return reshape(linear(x, w.weight, w.bias), [B, N, heads, (w.weight.shape[0] ?? 0) / heads]);
}

export function checkOperands(caller: string, query: Tensor, key: Tensor, value: Tensor, E: number): void {
  const [B] = query.shape;
  const fits = ({ shape }: Tensor): boolean => shape.length === 3 && shape[0] === B && shape[2] === E;
  if (fits(query) && fits(key) && fits(value) && key.shape[1] === value.shape[1]) return;
  throw new ShapeError(`${caller}: query must be [B, N, ${E}], key and value [B, M, ${E}]`, {
    details: [`query: ${String(query)}`, `key: ${String(key)}`, `value: ${String(value)}`],
    fix: "give all three the model's width and the same batch",
  });
}
