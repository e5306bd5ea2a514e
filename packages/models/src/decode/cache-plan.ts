import { checkCall, type Field, type FieldsOf, field } from "@dilated/core";
import { type DecodePlan, decodePlan, decodePlanBytes, MAX_DECODE_POSITION } from "@dilated/kernels/decode";
import { checkHeads } from "../layers/head-sizes.ts";
import type { LongNetDecoderConfig } from "../longnet/decoder.config.ts";
import { complete } from "../options/kinds.ts";
import { stackSchema } from "../stack/config.ts";

/** What of a model's configuration decides its cache. */
export type CachedConfig = Pick<
  LongNetDecoderConfig,
  "dim" | "layers" | "heads" | "kvHeads" | "branches" | "headOffset" | "position" | "xposScaleBase"
>;

/** How keys and values of a model are kept. */
export interface CacheOptions {
  /** Most tokens of one sequence; buffers are then no longer than that. @defaultValue no limit */
  readonly length?: number | undefined;
  /** How keys and values are stored. @defaultValue "f32" */
  readonly cacheDtype?: "f32" | "f16" | undefined;
}

/** Sequences at a time: counted in 32 bits. */
export const SEQUENCES: Field<number> = field.positiveInteger(2 ** 31 - 1);
export const CACHE_OPTIONS: FieldsOf<CacheOptions> = {
  length: field.optional(field.positiveInteger(MAX_DECODE_POSITION)),
  cacheDtype: field.optional(field.oneOf(["f32", "f16"])),
};

const { dim, layers, heads, kvHeads, branches, headOffset, position, xposScaleBase } = complete(stackSchema("none"));
const CACHED = { dim, layers, heads, kvHeads, branches, headOffset, position, xposScaleBase } as FieldsOf<CachedConfig>;
const BYTES_CALL = {
  config: field.having(CACHED),
  B: field.optional(SEQUENCES),
  options: field.options<CacheOptions>(CACHE_OPTIONS),
};

/** Where the keys of each layer live; all layers alike. */
export function cachePlan(config: CachedConfig, length?: number): DecodePlan {
  const { dim, heads, kvHeads, branches, headOffset, position, xposScaleBase } = config;
  return decodePlan(
    { H: heads, G: kvHeads, D: dim / heads },
    { branches, headOffset, length, ...(position === "xpos" ? { xposScaleBase } : {}) },
  );
}

/**
 * Most tokens of one sequence that generation can count. Where every segment ends somewhere at once, positions start
 * anew there.
 */
export function textLimit(config: CachedConfig & Pick<LongNetDecoderConfig, "maxPositions">): number {
  if (config.position === "learned") return config.maxPositions;
  return Number.isFinite(cachePlan(config).period) ? Infinity : MAX_DECODE_POSITION;
}

/**
 * Bytes that the key/value cache of generation takes, exactly as `device.stats()` counts them. At most Σ w/r rows of keys and of values a head and
 * layer, whatever the length.
 *
 * @param B - sequences at a time
 * @throws ConfigError, LimitError for sizes that no cache can have
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createModel, decodeCacheBytes } from "@dilated/models";
 * const device = await openDevice();
 * const { config } = createModel(device, { kind: "longnet-lm", preset: "tiny" });
 * console.log(decodeCacheBytes(config, 1), decodeCacheBytes(config, 1, { cacheDtype: "f16" }));
 * device.dispose();
 * ```
 */
export function decodeCacheBytes(config: CachedConfig, B = 1, options: CacheOptions = {}): number {
  checkCall("decodeCacheBytes", BYTES_CALL, arguments);
  checkHeads("decodeCacheBytes", config);
  const { length, cacheDtype = "f32" } = options;
  return decodePlanBytes(cachePlan(config, length), { B, layers: config.layers, dtype: cacheDtype });
}
