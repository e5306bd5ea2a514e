import { checkCall, checkConfig, type Field, field } from "@dilated/core";
import type { InputConfig } from "../layers/embedding.ts";
import type { PositionKind } from "../layers/positions.ts";
import { RESOLVE } from "../options/kinds.ts";
import { completeStack, type StackOptions, type StackSchema, stackSchema } from "../stack/config.ts";

/** A decoder over tokens, as plain JSON. */
export interface LongNetDecoderConfig extends InputConfig {
  /** V: number of tokens. @defaultValue 256 (bytes) */
  readonly vocab: number;
  /** Use the embedding as output projection. @defaultValue true */
  readonly tied: boolean;
  /** Multiply embeddings by sqrt(E). @defaultValue false */
  readonly scaleEmbedding: boolean;
  /** Layer norm behind embedding and positions. @defaultValue false */
  readonly embeddingNorm: boolean;
}

/** What has to be given; the rest has defaults. */
export type LongNetDecoderOptions = StackOptions & Partial<LongNetDecoderConfig>;

/** Fields of {@link inputSchema}. */
export type InputSchema = StackSchema & {
  readonly [K in "vocab" | "tied" | "scaleEmbedding" | "embeddingNorm"]: Field<LongNetDecoderConfig[K]>;
};

/** Fields of a stack with an embedding in front. */
export function inputSchema(position: PositionKind, vocab: Field<number>): InputSchema {
  return {
    vocab,
    ...stackSchema(position),
    tied: field.withDefault(field.boolean(), true),
    scaleEmbedding: field.withDefault(field.boolean(), false),
    embeddingNorm: field.withDefault(field.boolean(), false),
  };
}

/** Fields of a decoder; `position` is the default of that field. */
export function decoderSchema(position: PositionKind): InputSchema {
  return inputSchema(position, field.withDefault(field.positiveInteger(), 256));
}

/**
 * Fills in the defaults and checks everything.
 *
 * @throws ConfigError that lists every bad field.
 */
export function resolveLongNetDecoder(options: LongNetDecoderOptions): LongNetDecoderConfig {
  checkCall("resolveLongNetDecoder", RESOLVE, arguments);
  return decoderConfig("resolveLongNetDecoder", options, "none");
}

/** {@link resolveLongNetDecoder} for a caller of another name. @param position - the default of that field */
export function decoderConfig(
  caller: string,
  options: LongNetDecoderOptions,
  position: PositionKind,
): LongNetDecoderConfig {
  return completeStack(caller, checkConfig(caller, decoderSchema(position), options));
}
