export { appendToCache, decodeAttention } from "./decode-attention.ts";
export {
  createDecodeCache,
  type DecodeCache,
  type DecodeCacheOptions,
  decodePlanBytes,
} from "./decode-cache.ts";
export {
  type DecodeOptions,
  type DecodePlan,
  type DecodeShape,
  type DecodeStream,
  decodePlan,
  MAX_DECODE_POSITION,
} from "./decode-plan.ts";
