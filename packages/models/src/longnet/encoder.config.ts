import { checkCall, checkConfig, type Field, field } from "@dilated/core";
import type { InputConfig } from "../layers/embedding.ts";
import { RESOLVE } from "../options/kinds.ts";
import { completeStack, type StackOptions } from "../stack/config.ts";
import { type InputSchema, inputSchema } from "./decoder.config.ts";

/** An encoder, as plain JSON. */
export interface LongNetEncoderConfig extends InputConfig {
  /** V: number of tokens. @defaultValue 0: the encoder takes embeddings */
  readonly vocab: number;
  /** Whether there is a projection to the vocabulary, and whose weight it uses. @defaultValue "none" */
  readonly output: "none" | "own" | "tied";
}

/** What has to be given; the rest has defaults. */
export type LongNetEncoderOptions = StackOptions & Partial<LongNetEncoderConfig>;

const { tied: _, ...input } = inputSchema("none", field.withDefault(field.nonNegativeInteger(), 0));

/** Fields of an encoder. */
export const encoderSchema: Omit<InputSchema, "tied"> & { readonly output: Field<LongNetEncoderConfig["output"]> } = {
  ...input,
  output: field.withDefault(field.oneOf(["none", "own", "tied"]), "none"),
};

/**
 * Fills in the defaults and checks everything.
 *
 * @throws ConfigError that lists every bad field.
 */
export function resolveLongNetEncoder(options: LongNetEncoderOptions): LongNetEncoderConfig {
  checkCall("resolveLongNetEncoder", RESOLVE, arguments);
  return encoderConfig("resolveLongNetEncoder", options);
}

/** {@link resolveLongNetEncoder} for a caller of another name. */
export function encoderConfig(caller: string, options: LongNetEncoderOptions): LongNetEncoderConfig {
  return completeStack(caller, checkConfig(caller, encoderSchema, options));
}
