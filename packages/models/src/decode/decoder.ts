import {
  checkCall,
  DISPOSE,
  type DisposableLike,
  field,
  fill,
  LimitError,
  reshape,
  ShapeError,
  type Tensor,
} from "@dilated/core";
import { dilatedAttention, rope } from "@dilated/kernels";
import { appendToCache, createDecodeCache, type DecodeCache, decodeAttention } from "@dilated/kernels/decode";
import type { Attend } from "../layers/attention-block.ts";
import { type PositionKind, rotate } from "../layers/positions.ts";
import type { CausalModel } from "../longnet/causal-model.ts";
import { checkTokenRange } from "../longnet-lm/tokens.ts";
import { CONFIG, methods } from "../options/kinds.ts";
import { attentionOptions } from "../stack/stack.ts";
import { CACHE_OPTIONS, type CacheOptions, cachePlan, SEQUENCES } from "./cache-plan.ts";

/** What a decoder runs: a causal model, or the half of an encoder-decoder that writes the target. */
export type Decodable = Pick<CausalModel<string>, "device" | "config" | "hidden" | "project">;

/** A model, and what it has to remember of the sequences that it continues. Dispose of it. */
export interface Decoder extends DisposableLike {
  readonly model: Decodable;
  readonly cache: DecodeCache;
  /** Tokens of each sequence so far. */
  readonly lengths: number[];
}

const decoders = new WeakSet<object>();

/** A decoder is known by identity: what it holds fits together, and is not looked at again. */
export function asDecoder<D extends Decoder>(decoder: D): D {
  decoders.add(decoder);
  return Object.freeze(decoder);
}

const DECODABLE = field.custom(
  "a model that writes text: longnet-lm or longnet-decoder",
  (model) =>
    methods("", "hidden", "project").test(model) &&
    CONFIG.test((model as Decodable).config) &&
    field.device().test((model as Decodable).device),
);
const OPEN = { model: DECODABLE, B: SEQUENCES, options: field.options<CacheOptions>(CACHE_OPTIONS) };
const DECODER = field.made<Decoder>("what openDecoder gave", decoders);
const PREFILL = { decoder: DECODER, prompts: field.list(field.numbers(), 1) };
const STEP = { decoder: DECODER, tokens: field.list(field.any("a token, or undefined"), 1) };

/**
 * Makes room for B sequences.
 *
 * @throws ConfigError, LimitError, OutOfMemoryError when the cache cannot be had
 */
export function openDecoder(model: Decodable, B: number, options: CacheOptions = {}): Decoder {
  checkCall("openDecoder", OPEN, arguments);
  const { length, cacheDtype = "f32" } = options;
  const plan = cachePlan(model.config, length);
  const cache = createDecodeCache(model.device, plan, { B, layers: model.config.layers, dtype: cacheDtype });
  return asDecoder({ model, cache, lengths: Array.from({ length: B }, () => 0), [DISPOSE]: () => cache.dispose() });
}

/**
 * Runs the prompts through the model, one forward pass for neighbours of one length, and fills the cache.
 *
 * @param prompts - one a sequence, at least one token each
 * @returns logits [B, V] behind the last token of each
 * @throws ShapeError, LimitError for prompts that are missing, empty or outside the vocabulary
 */
export function prefill(decoder: Decoder, prompts: readonly ArrayLike<number>[]): Tensor {
  checkCall("prefill", PREFILL, arguments);
  const { model, cache, lengths } = decoder;
  const { device, config } = model;
  const { dim } = config;
  checkCount("prefill", cache, prompts);
  for (const prompt of prompts) checkTokenRange("prefill", prompt, config.vocab);
  if (prompts.some((prompt) => !(prompt.length > 0))) {
    throw new ShapeError("prefill: a prompt must hold at least one token", { fix: "start with a separator token" });
  }
  return device.scope(() => {
    fill(cache.positions, 0); // a decoder may be used for one batch after another
    const last = device.empty([prompts.length, dim], { label: "last" });
    for (let first = 0, end = 0; first < prompts.length; first = end) {
      const N = prompts[first]?.length ?? 0;
      while (end < prompts.length && prompts[end]?.length === N) end++;
      // Nothing before a boundary of all segments can be seen from behind it: the pass starts at the last one.
      const start = Number.isFinite(cache.plan.period) ? N - 1 - ((N - 1) % cache.plan.period) : 0;
      const group = prompts.slice(first, end);
      const tokens = group.flatMap((prompt) => Array.from(prompt, Number).slice(start));
      const row = first;
      device.scope(() => {
        const input = device.tensor(tokens, [group.length, N - start], { dtype: "i32", label: "prompt" });
        const attend = (layer: number) => attendAndKeep(decoder, layer, row);
        const hidden = model.hidden(input, { attend, starts: group.map(() => start) });
        group.forEach((_, i) => {
          device.copy(hidden, last, { from: ((i + 1) * (N - start) - 1) * dim, to: (row + i) * dim, count: dim });
        });
      });
    }
    prompts.forEach((prompt, b) => {
      lengths[b] = prompt.length;
    });
    return model.project(last);
  });
}

/**
 * One token more of each sequence.
 *
 * @param tokens - undefined for sequences that have ended: they stay as they are, and their logits mean nothing
 * @returns logits [B, V] of the tokens behind
 * @throws LimitError when a sequence gets longer than the cache can count, or a token is outside the vocabulary
 */
export function decodeStep(decoder: Decoder, tokens: readonly (number | undefined)[]): Tensor {
  checkCall("decodeStep", STEP, arguments);
  const { model, cache, lengths } = decoder;
  const { device, config } = model;
  const { period, limit } = cache.plan;
  const B = tokens.length;
  checkCount("decodeStep", cache, tokens);
  checkTokenRange(
    "decodeStep",
    tokens.map((token) => token ?? 0),
    config.vocab,
  );
  const places = lengths.map((length) => (Number.isFinite(period) ? length % period : length));
  const over = places.findIndex((place, b) => place >= limit && tokens[b] !== undefined);
  if (over >= 0) {
    throw new LimitError(`decodeStep: sequence ${over} has reached ${lengths[over]} tokens`, {
      details: [`limit: ${limit} tokens`],
      fix: "open the decoder with a larger length, or use segments with a common multiple below 2^23",
    });
  }
  return device.scope(() => {
    device.write(
      cache.positions,
      places.map((place) => Math.min(place, limit - 1)),
    );
    const input = device.tensor(
      tokens.map((token) => token ?? 0),
      [B, 1],
      { dtype: "i32", label: "tokens" },
    );
    const attend = (layer: number) => attendCached(decoder, layer);
    const hidden = model.hidden(input, { attend, starts: [...lengths] });
    tokens.forEach((token, b) => {
      if (token !== undefined) lengths[b] = (lengths[b] ?? 0) + 1;
    });
    return model.project(reshape(hidden, [B, config.dim]));
  });
}

function checkCount(caller: string, { B }: DecodeCache, given: readonly unknown[]): void {
  if (given.length === B) return;
  throw new ShapeError(`${caller}: the decoder continues ${B} sequences`, {
    details: [`given: ${given.length}`],
    fix: "pass one entry a sequence",
  });
}

/** The forward pass over prompts, which start at position 0 of their cache; keys and values that later tokens see are kept. */
function attendAndKeep({ model, cache }: Decoder, layer: number, row: number): Attend {
  const { config } = model;
  const { position, xposScaleBase } = config;
  return (q, k, v) => {
    appendToCache(cache, layer, turn(k, position, 0), v, row);
    const [turnedQ, turnedK] = [rotate(q, position, false, xposScaleBase), rotate(k, position, true, xposScaleBase)];
    return dilatedAttention(turnedQ, turnedK, v, attentionOptions(config, { causal: true })).out;
  };
}

function attendCached({ model, cache }: Decoder, layer: number): Attend {
  const { position } = model.config;
  return (q, k, v) => {
    const positions = reshape(cache.positions, [cache.B, 1]);
    appendToCache(cache, layer, turn(k, position, positions), v);
    return decodeAttention(cache, layer, turn(q, position, positions));
  };
}

/** Queries and keys as the cache takes them: rotated, and not scaled, so that nothing grows with the position. */
function turn(x: Tensor, position: PositionKind, positions: Tensor | number): Tensor {
  if (position === "xpos") return rope(x, { interleaved: true, positions });
  return position === "rope" ? rope(x, { positions }) : x;
}
