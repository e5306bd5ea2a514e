import { checkCall } from "@dilated/core";
import { decoderConfig, type LongNetDecoderConfig, type LongNetDecoderOptions } from "../longnet/decoder.config.ts";
import { RESOLVE } from "../options/kinds.ts";

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
  checkCall("resolveLongNetLM", RESOLVE, arguments);
  return lmConfig("resolveLongNetLM", options);
}

/** {@link resolveLongNetLM} for a caller of another name. */
export function lmConfig(caller: string, options: LongNetLMOptions): LongNetLMConfig {
  return decoderConfig(caller, options, "xpos");
}
