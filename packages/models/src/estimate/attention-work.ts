import { LimitError } from "@dilated/core";
import { attentionFlops, liveRows } from "@dilated/kernels";
import { MAX_DECODE_POSITION } from "@dilated/kernels/decode";
import { decodeCacheBytes, textLimit } from "../decode/cache-plan.ts";
import { memoryBytes } from "../decode/target-decoder.ts";
import type { Model } from "../registry.ts";
import type { StackConfig } from "../stack/config.ts";
import type { CallSize } from "./dry-run.ts";

/** One stack of layers as far as attention goes. */
interface AttentionStack {
  readonly config: StackConfig;
  /** What the caller gave as its tokens. */
  readonly given: "N" | "M";
  readonly causal: boolean;
  readonly tokens: number;
  /** Tokens that cross-attention looks at. */
  readonly context: number;
}

/** The stacks of a model, with the tokens that each sees. */
export function stacksOf(model: Model, { N, M }: CallSize): readonly AttentionStack[] {
  switch (model.kind) {
    case "longnet":
      return [
        { config: model.config.encoder, given: "M", causal: false, tokens: M, context: 0 },
        { config: model.config.decoder, given: "N", causal: true, tokens: N, context: M },
      ];
    case "longnet-encoder":
      return [{ config: model.config, given: "N", causal: false, tokens: N, context: 0 }];
    case "longnet-vit":
      return [
        { config: model.config, given: "N", causal: false, tokens: N + (model.config.classToken ? 1 : 0), context: 0 },
      ];
    default:
      return [{ config: model.config, given: "N", causal: true, tokens: N, context: 0 }];
  }
}

/** 4·D for each (query, key) pair of one forward pass; `times` weighs a stack's share. */
export function attentionWork(model: Model, size: CallSize, times: (config: StackConfig) => number): number {
  return stacksOf(model, size).reduce((total, { config, causal, tokens, context }) => {
    const { dim, heads: H, layers, branches, headOffset, remainder } = config;
    const self = attentionFlops({ B: size.B, N: tokens, H, D: dim / H }, { branches, headOffset, remainder, causal });
    return total + times(config) * layers * (self.exact + 4 * dim * size.B * tokens * context);
  }, 0);
}

/**
 * Rows of K (and of V) that a new token attends to, summed over layers and query heads. The context of cross-attention
 * is included.
 */
export function cachedRows(model: Model, size: CallSize): number {
  return stacksOf(model, size).reduce((rows, { config, causal, tokens, context }) => {
    if (!causal) return rows;
    const { heads: H, layers, branches, headOffset } = config;
    return rows + layers * (liveRows({ N: tokens, H }, { branches, headOffset, causal }).total + context * H);
  }, 0);
}

/** Bytes of the cache that holds those rows: heads that share keys share rows. */
export function cacheBytes(model: Model, size: CallSize): number {
  return stacksOf(model, size).reduce((bytes, { config, causal, tokens, context }) => {
    if (!causal) return bytes;
    const { dim, heads, kvHeads, layers } = config;
    // Longer texts are those whose positions start anew: no segment is as long.
    const own = decodeCacheBytes(config, size.B, { length: Math.min(tokens, MAX_DECODE_POSITION) });
    const memory = context > 0 ? memoryBytes({ dim, heads, kvHeads }, context, { B: size.B, layers }) : 0;
    return bytes + own + memory;
  }, 0);
}

/**
 * Positions are counted in 24 bits, learned ones by their table.
 *
 * @param size - M is undefined where the caller gave none, and is N
 * @throws LimitError that names N or M
 */
export function checkLengths(model: Model, size: Omit<CallSize, "M"> & { M: number | undefined }, mode: string): void {
  const { N, M = N } = size;
  for (const { config, given, causal, tokens } of stacksOf(model, { ...size, M })) {
    const name = size[given] === undefined ? "N" : given;
    const counted = config.position === "none" ? Infinity : MAX_DECODE_POSITION;
    const forward = config.position === "learned" ? config.maxPositions : counted;
    const memory = Math.min(forward, MAX_DECODE_POSITION);
    const limit = mode !== "decode" ? forward : causal ? textLimit(config) : memory;
    if (tokens <= limit) continue;
    const most = limit - (tokens - (given === "N" ? N : M));
    throw new LimitError(`estimate: ${name}: ${tokens} tokens are more than this model can count`, {
      details: [
        `${name}: ${size[name]}; allowed with mode "${mode}" and position "${config.position}": at most ${most}`,
      ],
      fix: `use ${name}: ${most} or less`,
    });
  }
}

/** 4·D for each row that one new token of each sequence attends to. */
export function decodingWork(model: Model, B: number, rows: number): number {
  const { dim, heads } = model.kind === "longnet" ? model.config.decoder : model.config;
  return 4 * (dim / heads) * B * rows;
}
