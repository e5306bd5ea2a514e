import { AbortedError, ConfigError, philox4x32 } from "@dilated/core";
import type { LongNetLM } from "../longnet-lm/model.ts";
import { checkTokenRange } from "../longnet-lm/tokens.ts";
import { checkSampling, drawToken, type SamplingOptions } from "./filter.ts";

export interface GenerateOptions extends SamplingOptions {
  /** Tokens to draw. */
  readonly count: number;
  /** @defaultValue 0 */
  readonly seed?: number;
  /** Tokens that the model looks back on; older ones are dropped. @defaultValue the longest segment */
  readonly window?: number;
  readonly signal?: AbortSignal;
}

/**
 * Draws tokens one by one. Each is drawn from a full forward pass over the text so far.
 *
 * @param prompt - at least one token
 * @throws ConfigError for bad options, LimitError for tokens outside the vocabulary, AbortedError when `signal` fires.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createModel, generate } from "@dilated/models";
 * using device = await openDevice();
 * const model = createModel(device, { kind: "longnet-lm", preset: "tiny" });
 * const prompt = new TextEncoder().encode("Call me ");
 * for await (const byte of generate(model, prompt, { count: 4, temperature: 0.8 })) console.log(String.fromCharCode(byte));
 * ```
 */
export async function* generate(
  model: LongNetLM,
  prompt: ArrayLike<number>,
  options: GenerateOptions,
): AsyncGenerator<number, void> {
  const { count, seed = 0, signal } = options;
  const { vocab, branches } = model.config;
  const window = options.window ?? Math.max(...branches.map((branch) => branch.segment));
  checkSampling(options);
  if (!(Number.isSafeInteger(count) && count >= 0 && Number.isSafeInteger(window) && window > 0 && prompt.length > 0)) {
    throw new ConfigError("generate: need a prompt of at least one token, count >= 0 and window >= 1", {
      details: [`prompt: ${prompt.length} tokens, count ${count}, window ${window}`],
    });
  }
  checkTokenRange("generate", prompt, vocab);
  const text = Array.from(prompt);
  for (let i = 0; i < count; i++) {
    if (signal?.aborted)
      throw new AbortedError(`generate: stopped after ${i} of ${count} tokens`, { cause: signal.reason });
    const token = drawToken(await lastLogits(model, text.slice(-window)), options, uniformAt(seed, i));
    text.push(token);
    yield token;
  }
}

/** Logits [V] behind the last token of `context`. */
async function lastLogits(model: LongNetLM, context: readonly number[]): Promise<Float32Array> {
  const { device } = model;
  const N = context.length;
  using logits = device.scope(() => {
    const hidden = model.hidden(device.tensor(context, [1, N], { dtype: "i32", label: "context" }));
    const last = device.empty([1, model.config.dim], { label: "last" });
    device.copy(hidden, last, { from: (N - 1) * model.config.dim, count: model.config.dim });
    return model.project(last);
  });
  return (await logits.data()) as Float32Array;
}

function uniformAt(seed: number, index: number): number {
  const [word = 0] = philox4x32([index, 0, 0, 0x5a3b], [seed >>> 0, Math.floor(seed / 2 ** 32)]);
  return word / 2 ** 32;
}
