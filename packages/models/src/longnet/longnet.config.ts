import { ConfigError, checkConfig, field } from "@dilated/core";
import type { LongNetDecoderConfig, LongNetDecoderOptions } from "./decoder.config.ts";
import { resolveLongNetDecoder } from "./decoder.config.ts";
import { type LongNetEncoderConfig, type LongNetEncoderOptions, resolveLongNetEncoder } from "./encoder.config.ts";

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

const part = field.custom<object>("an object", (value) => typeof value === "object" && value !== null);
const schema = { encoder: part, decoder: part, sharedEmbedding: field.withDefault(field.boolean(), false) };

/**
 * Fills in the defaults and checks everything.
 *
 * @throws ConfigError that lists every bad field.
 */
export function resolveLongNet(options: LongNetOptions): LongNetConfig {
  const { sharedEmbedding } = checkConfig("LongNet", schema, options);
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
