import { ConfigError, checkConfig, type Field, field, type Schema } from "@dilated/core";
import type { LongNetDecoderConfig, LongNetDecoderOptions } from "./decoder.config.ts";
import { decoderSchema, resolveLongNetDecoder } from "./decoder.config.ts";
import {
  encoderSchema,
  type LongNetEncoderConfig,
  type LongNetEncoderOptions,
  resolveLongNetEncoder,
} from "./encoder.config.ts";

/** An encoder-decoder over tokens, as plain JSON. */
export interface LongNetConfig {
  /** Reads the source; `vocab` is that of the source. @defaultValue vocab: the decoder's */
  readonly encoder: LongNetEncoderConfig;
  /** Writes the target, attending to the encoder's output. Its `dim` is the encoder's. */
  readonly decoder: LongNetDecoderConfig;
  /** Source and target share one embedding. @defaultValue false */
  readonly sharedEmbedding: boolean;
}

/** What has to be given; the rest has defaults. */
export interface LongNetOptions {
  readonly encoder: LongNetEncoderOptions;
  readonly decoder: LongNetDecoderOptions;
  readonly sharedEmbedding?: boolean;
}

/** The halves check their own fields, below; the schema is for machines. */
const part = (fields: Schema): Field<object> =>
  field.custom("an object", (value) => typeof value === "object" && value !== null, field.jsonSchema(fields));
const encoderFields = {
  ...encoderSchema,
  vocab: field.optional(field.nonNegativeInteger()),
  output: field.withDefault(field.oneOf(["none"]), "none"),
};

/** Fields of an encoder-decoder. */
export const longnetSchema: {
  readonly encoder: Field<object>;
  readonly decoder: Field<object>;
  readonly sharedEmbedding: Field<boolean>;
} = {
  encoder: part(encoderFields),
  decoder: part(decoderSchema("none")),
  sharedEmbedding: field.withDefault(field.boolean(), false),
};

/**
 * Fills in the defaults and checks everything.
 *
 * @throws ConfigError that lists every bad field.
 */
export function resolveLongNet(options: LongNetOptions): LongNetConfig {
  const { sharedEmbedding } = checkConfig("LongNet", longnetSchema, options);
  const decoder = resolveLongNetDecoder(options.decoder, "LongNet: decoder");
  const encoder = resolveLongNetEncoder({ vocab: decoder.vocab, ...options.encoder }, "LongNet: encoder");
  const details = [
    ...(encoder.dim === decoder.dim ? [] : [`encoder.dim: ${encoder.dim}; allowed: decoder.dim, ${decoder.dim}`]),
    ...(encoder.output === "none" ? [] : [`encoder.output: "${encoder.output}"; allowed: "none"`]),
    ...(sharedEmbedding && encoder.vocab !== decoder.vocab
      ? [`encoder.vocab: ${encoder.vocab}; allowed with sharedEmbedding: decoder.vocab, ${decoder.vocab}`]
      : []),
  ];
  if (details.length > 0)
    throw new ConfigError("LongNet: encoder and decoder do not fit together", {
      details,
      fix: "correct the fields above",
    });
  return Object.freeze({ encoder, decoder, sharedEmbedding });
}
