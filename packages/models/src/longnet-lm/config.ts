import {
  type LongNetDecoderConfig,
  type LongNetDecoderOptions,
  resolveLongNetDecoder,
} from "../longnet/decoder.config.ts";

/** What a LongNet language model is, as plain JSON. */
export type LongNetLMConfig = LongNetDecoderConfig;

/** What has to be given; the rest has defaults. */
export type LongNetLMOptions = LongNetDecoderOptions;

/**
 * Fills in the defaults and checks everything.
 *
 * @throws ConfigError that lists every bad field.
 */
export function resolveLongNetLM(options: LongNetLMOptions): LongNetLMConfig {
  return resolveLongNetDecoder(options, "LongNetLM", "xpos");
}
