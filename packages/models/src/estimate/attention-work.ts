import { attentionFlops, liveRows } from "@dilated/kernels";
import { decodeCacheBytes } from "../decode/cache-plan.ts";
import { memoryBytes } from "../decode/target-decoder.ts";
import type { Model } from "../registry.ts";
import type { StackConfig } from "../stack/config.ts";
import type { CallSize } from "./dry-run.ts";

/** One stack of layers as far as attention goes. */
interface AttentionStack {
  readonly config: StackConfig;
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
        { config: model.config.encoder, causal: false, tokens: M, context: 0 },
        { config: model.config.decoder, causal: true, tokens: N, context: M },
      ];
    case "longnet-encoder":
      return [{ config: model.config, causal: false, tokens: N, context: 0 }];
    case "longnet-vit":
      return [{ config: model.config, causal: false, tokens: N + (model.config.classToken ? 1 : 0), context: 0 }];
    default:
      return [{ config: model.config, causal: true, tokens: N, context: 0 }];
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
 * Rows of K (and of V) that a new token attends to, summed over layers and query heads, and the bytes of the cache that holds them: heads that share
 * keys share rows. The context of cross-attention is included.
 */
export function cachedRows(model: Model, size: CallSize): { readonly rows: number; readonly bytes: number } {
  let [rows, bytes] = [0, 0];
  for (const { config, causal, tokens, context } of stacksOf(model, size)) {
    if (!causal) continue;
    const { dim, heads: H, kvHeads, layers, branches, headOffset } = config;
    rows += layers * (liveRows({ N: tokens, H }, { branches, headOffset, causal }).total + context * H);
    bytes += decodeCacheBytes(config, size.B, { length: tokens });
    if (context > 0) bytes += memoryBytes({ dim, heads: H, kvHeads }, context, { B: size.B, layers });
  }
  return { rows, bytes };
}

/** 4·D for each row that one new token of each sequence attends to. */
export function decodingWork(model: Model, B: number, rows: number): number {
  const { dim, heads } = model.kind === "longnet" ? model.config.decoder : model.config;
  return 4 * (dim / heads) * B * rows;
}
