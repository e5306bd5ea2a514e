import { DISPOSE, type Tensor } from "@dilated/core";
import { linear } from "@dilated/kernels";
import {
  appendToCache,
  createDecodeCache,
  type DecodeCache,
  type DecodeCacheOptions,
  type DecodePlan,
  decodeAttention,
  decodePlan,
  decodePlanBytes,
} from "@dilated/kernels/decode";
import { projectHeads, type Recall } from "../layers/attention-block.ts";
import { embedInput } from "../layers/embedding.ts";
import type { LongNetDecoderConfig } from "../longnet/decoder.config.ts";
import type { LongNet } from "../longnet/longnet.ts";
import { runStack } from "../stack/stack.ts";
import type { CacheOptions } from "./cache-plan.ts";
import { asDecoder, type Decodable, type Decoder, openDecoder } from "./decoder.ts";

/** Writes targets of sources that were encoded: {@link Decoder}, with what it remembers of each source. */
export interface TargetDecoder extends Decoder {
  /** Keys and values of the sources, projected once; `positions` says which row of each is the last. */
  readonly memory: DecodeCache;
}

/**
 * The half of an encoder-decoder that writes the target.
 *
 * @param recall - attends to the source, in each layer by its number
 */
export function targetSide(model: LongNet, recall: (layer: number) => Recall): Decodable {
  const { device } = model;
  const { encoder, decoder: config } = model.config;
  const p = model.parameters.decoder;
  const depth = { role: "decoder", layers: config.layers, other: encoder.layers } as const;
  return {
    device,
    config,
    hidden: (tokens, options = {}) =>
      device.scope(() =>
        runStack(embedInput(tokens, p, config, options), p, config, {
          ...options,
          causal: true,
          context: recall,
          depth,
        }),
      ),
    project: (hidden) => linear(hidden, p.output ?? p.embedding),
  };
}

type Heads = Pick<LongNetDecoderConfig, "dim" | "heads" | "kvHeads">;

/** Where the keys of sources of up to M tokens live: one dense segment, in the order of the tokens. */
function memoryPlan({ dim, heads, kvHeads }: Heads, M: number): DecodePlan {
  return decodePlan({ H: heads, G: kvHeads, D: dim / heads }, { branches: [{ segment: M, dilation: 1 }], length: M });
}

/** Bytes of the memory of sources of up to M tokens, as `device.stats()` counts them. */
export function memoryBytes(heads: Heads, M: number, options: DecodeCacheOptions): number {
  return decodePlanBytes(memoryPlan(heads, M), options);
}

/**
 * Encodes the sources, one pass for neighbours of one length, and keeps the keys and values that cross-attention sees:
 * those of a source of m tokens are the first m rows of its memory, so that shorter sources need no mask.
 *
 * @param sources - one a target, at least one token each, of the source's vocabulary
 * @param options - of the target's cache; `cacheDtype` holds for the memory, too
 * @throws LimitError, OutOfMemoryError when there is no room for sources or cache
 */
export function openTargetDecoder(
  model: LongNet,
  sources: readonly ArrayLike<number>[],
  options: CacheOptions,
): TargetDecoder {
  const { device } = model;
  const { decoder: config } = model.config;
  const M = sources.reduce((most, { length }) => Math.max(most, length), 0);
  const { cacheDtype = "f32" } = options;
  const size = { B: sources.length, layers: config.layers, dtype: cacheDtype };
  const memory = createDecodeCache(device, memoryPlan(config, M), size);
  try {
    for (let first = 0, end = 0; first < sources.length; first = end) {
      const length = sources[first]?.length;
      while (end < sources.length && sources[end]?.length === length) end++;
      memorise(model, memory, sources.slice(first, end), first);
    }
    device.write(
      memory.positions,
      sources.map(({ length }) => length - 1),
    );
    const side = targetSide(model, (layer) => (q) => decodeAttention(memory, layer, q));
    const decoder = openDecoder(side, sources.length, options);
    const dispose = (): void => {
      decoder[DISPOSE]();
      memory.dispose();
    };
    return asDecoder({ ...decoder, memory, [DISPOSE]: dispose });
  } catch (error) {
    memory.dispose();
    throw error;
  }
}

/** Sources of one length, from row `first` of the memory on. */
function memorise(model: LongNet, memory: DecodeCache, sources: readonly ArrayLike<number>[], first: number): void {
  const { device } = model;
  const { kvHeads } = model.config.decoder;
  const ids = sources.flatMap((source) => Array.from(source, Number));
  device.scope(() => {
    const shape = [sources.length, ids.length / sources.length];
    const context = model.encode(device.tensor(ids, shape, { dtype: "i32", label: "source" }));
    model.parameters.decoder.layers.forEach(({ cross }, layer) => {
      if (!cross) return;
      const heads = (w: typeof cross.key): Tensor => projectHeads(context, w, kvHeads);
      device.scope(() => appendToCache(memory, layer, heads(cross.key), heads(cross.value), first));
    });
  });
}
