import { ConfigError, checkCall, checkConfig, type Field, field, isPlain, type Schema } from "@dilated/core";
import { asResolved, RESOLVE } from "../options/kinds.ts";
import type { LongNetDecoderConfig, LongNetDecoderOptions } from "./decoder.config.ts";
import { decoderConfig, decoderSchema } from "./decoder.config.ts";
import {
  encoderConfig,
  encoderSchema,
  type LongNetEncoderConfig,
  type LongNetEncoderOptions,
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
  readonly sharedEmbedding?: boolean | undefined;
}

/** The halves check their own fields, below; the schema is for machines. */
const part = (fields: Schema): Field<object> => field.custom("an object", isPlain, field.jsonSchema(fields));
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
  checkCall("resolveLongNet", RESOLVE, arguments);
  return longnetConfig("resolveLongNet", options);
}

/** {@link resolveLongNet} for a caller of another name. */
export function longnetConfig(caller: string, options: LongNetOptions): LongNetConfig {
  const { sharedEmbedding } = checkConfig(caller, longnetSchema, options);
  const decoder = decoderConfig(`${caller}: decoder`, options.decoder, "none");
  const encoder = encoderConfig(`${caller}: encoder`, { vocab: decoder.vocab, ...options.encoder });
  const details = [
    ...(encoder.dim === decoder.dim ? [] : [`encoder.dim: ${encoder.dim}; allowed: decoder.dim, ${decoder.dim}`]),
    ...(encoder.output === "none" ? [] : [`encoder.output: "${encoder.output}"; allowed: "none"`]),
    ...(sharedEmbedding && encoder.vocab !== decoder.vocab
      ? [`encoder.vocab: ${encoder.vocab}; allowed with sharedEmbedding: decoder.vocab, ${decoder.vocab}`]
      : []),
  ];
  if (details.length > 0)
    throw new ConfigError(`${caller}: encoder and decoder do not fit together`, {
      details,
      fix: "correct the fields above",
    });
  return asResolved({ encoder, decoder, sharedEmbedding });
}
