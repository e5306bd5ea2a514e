import { ConfigError, checkCall, checkConfig, type Field, field } from "@dilated/core";
import type { Branch } from "@dilated/kernels";
import type { LongNetDecoderOptions } from "../longnet/decoder.config.ts";
import type { LongNetEncoderOptions } from "../longnet/encoder.config.ts";
import type { ActivationKind, StackOptions } from "../stack/config.ts";
import { TORCHSCALE_COMPATIBILITY } from "./import.ts";

const flag = (value: boolean): Field<boolean> => field.withDefault(field.boolean(), value);
const rate: Field<number> = field.withDefault(field.fraction(), 0);
const off: Field<unknown> = field.withDefault(
  field.custom("false or 0: LongNet weights with it cannot be imported", (value) => value === false || value === 0),
  false,
);
const ignored: Field<unknown> = field.optional(field.custom("anything", () => true));
const lengths: Field<string | readonly number[]> = field.custom(
  'a list of positive integers, or one as text, such as "[2048, 4096]"',
  (value) => parseList(value) !== undefined,
);

/** Arguments that encoder and decoder share, with torchscale's defaults. */
const common = {
  segment_length: lengths,
  dilated_ratio: lengths,
  activation_fn: field.withDefault(field.oneOf<ActivationKind>(["gelu", "relu"]), "gelu"),
  dropout: rate,
  drop_path_rate: rate,
  attention_dropout: rate,
  activation_dropout: rate,
  no_scale_embedding: flag(true),
  layernorm_embedding: flag(false),
  deepnorm: flag(false),
  subln: flag(true),
  layernorm_eps: field.withDefault(field.positive(), 1e-5),
  vocab_size: field.withDefault(field.number(-1), -1),
  no_output_layer: flag(false),
  checkpoint_activations: flag(false),
  xpos_rel_pos: flag(false),
  xpos_scale_base: field.withDefault(field.positive(), 512),
  moe_freq: off,
  multiway: off,
  rel_pos_buckets: off,
  max_rel_pos: off,
};

/** Arguments that change nothing here: how PyTorch is run, and parts that are off. */
const IGNORED = [
  ...["flash_attention", "bert_init", "fsdp", "ddp_rank", "seq_parallel", "block_shift", "use_xmoe"],
  ...["moe_top1_expert", "moe_expert_count", "moe_gating_use_fp32", "moe_eval_capacity_token_fraction"],
  ...["moe_second_expert_policy", "moe_normalize_gate_prob_before_dropping", "max_source_positions"],
  ...["max_target_positions", "img_size", "patch_size", "in_chans"],
];

const size = (value: number): Field<number> => field.withDefault(field.positiveInteger(), value);

function half(side: "encoder" | "decoder"): Readonly<Record<string, Field<unknown>>> {
  return {
    [`${side}_embed_dim`]: size(768),
    [`${side}_attention_heads`]: size(12),
    [`${side}_ffn_embed_dim`]: size(3072),
    [`${side}_layers`]: size(12),
    [`${side}_normalize_before`]: flag(true),
    [`share_${side}_input_output_embed`]: flag(false),
    ...(side === "encoder" ? { normalize_output: flag(true) } : {}),
  };
}

const ARGUMENTS = {
  kind: field.oneOf(["longnet-encoder", "longnet-decoder"]),
  args: field.having({}), // checked field by field
};

/** Our configuration of each kind that torchscale has. */
export interface TorchscaleConfigs {
  readonly "longnet-encoder": LongNetEncoderOptions;
  readonly "longnet-decoder": LongNetDecoderOptions;
}

/**
 * Our configuration for torchscale's `EncoderConfig` or `DecoderConfig` arguments, with its defaults, block offsets and zero padding. Lists given as text
 * are parsed, never evaluated.
 *
 * @param args - keyword arguments by their Python names; of a decoder with learned positions give `max_target_positions` as `maxPositions` afterwards
 * @throws ConfigError for unknown arguments, and for parts that LongNet does not have (experts, multiway, T5 bias).
 * @see torchscale `architecture/config.py`
 * @example
 * ```ts
 * import { torchscaleConfig } from "@dilated/models";
 * const config = torchscaleConfig("longnet-encoder", { encoder_layers: 2, segment_length: "[32, 64]", dilated_ratio: "[1, 2]" });
 * console.log(config.norm, config.headOffset); // sub block
 * ```
 */
export function torchscaleConfig<K extends keyof TorchscaleConfigs>(
  kind: K,
  args: Readonly<Record<string, unknown>>,
): TorchscaleConfigs[K] {
  checkCall("torchscaleConfig", ARGUMENTS, arguments);
  const side = kind === "longnet-encoder" ? "encoder" : "decoder";
  const rest = Object.fromEntries(IGNORED.map((name) => [name, ignored]));
  const values = checkConfig(`torchscaleConfig(${kind})`, { ...half(side), ...common, ...rest }, args) as Given;
  const of = (name: string): number => values[`${side}_${name}`] as number;
  // deepnorm wins over subln, which wins over normalize_before, as in torchscale.
  const before = !values.deepnorm && (values.subln || Boolean(values[`${side}_normalize_before`]));
  const vocab = Math.max(0, values.vocab_size);
  const shared = Boolean(values[`share_${side}_input_output_embed`]);
  const stack: StackOptions & {
    readonly vocab: number;
    readonly scaleEmbedding: boolean;
    readonly embeddingNorm: boolean;
  } = {
    ...TORCHSCALE_COMPATIBILITY,
    dim: of("embed_dim"),
    heads: of("attention_heads"),
    hidden: of("ffn_embed_dim"),
    layers: of("layers"),
    branches: branchesOf(values),
    norm: values.deepnorm ? "deep" : values.subln ? "sub" : before ? "pre" : "post",
    activation: values.activation_fn,
    position: values.xpos_rel_pos ? "xpos" : "none",
    xposScaleBase: values.xpos_scale_base,
    dropout: values.dropout,
    dropPath: values.drop_path_rate,
    attentionDropout: values.attention_dropout,
    activationDropout: values.activation_dropout,
    eps: values.layernorm_eps,
    finalNorm: before && (side === "decoder" || Boolean(values.normalize_output)),
    checkpointing: values.checkpoint_activations,
    vocab,
    scaleEmbedding: !values.no_scale_embedding,
    embeddingNorm: values.layernorm_embedding,
  };
  const output = vocab === 0 || values.no_output_layer ? "none" : shared ? "tied" : "own";
  return (side === "encoder" ? { ...stack, output } : { ...stack, tied: shared }) as TorchscaleConfigs[K];
}

type Given = { readonly [K in keyof typeof common]: (typeof common)[K] extends Field<infer T> ? T : never } & {
  readonly [name: string]: unknown;
};

function branchesOf({ segment_length, dilated_ratio }: Given): Branch[] {
  const segments = parseList(segment_length) ?? [];
  const ratios = parseList(dilated_ratio) ?? [];
  if (segments.length === ratios.length) {
    return segments.map((segment, i) => ({ segment, dilation: ratios[i] ?? 1 }));
  }
  throw new ConfigError("torchscaleConfig: segment_length and dilated_ratio must be equally long", {
    details: [`segment_length: ${segments.join(", ")}`, `dilated_ratio: ${ratios.join(", ")}`],
    fix: "give one ratio a segment",
  });
}

const LIST = field.list(field.positiveInteger(), 1);

function parseList(value: unknown): number[] | undefined {
  const list =
    typeof value === "string" && /^\s*\[[\d\s,]*\]\s*$/.test(value) ? value.match(/\d+/g)?.map(Number) : value;
  return LIST.test(list) ? (list as number[]) : undefined;
}
