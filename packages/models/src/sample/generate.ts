import { checkCall, field } from "@dilated/core";
import type { CausalModel } from "../longnet/causal-model.ts";
import type { LongNet } from "../longnet/longnet.ts";
import { continueTexts, type GenerateResult } from "./generate-batch.ts";
import type { GenerateOptions, TargetOptions } from "./options.ts";

/** The model and the options are checked with each other, by `continueTexts`. */
const ARGUMENTS = { model: field.any("a model"), prompt: field.numbers(), options: field.any("an object") };

/**
 * Draws tokens one by one. The prompt goes through the model in one pass, which fills a key/value cache; each further token costs the same, however
 * long the text has become, and memory does not grow: the cache keeps what the segments at hand still see ({@link decodeCacheBytes}). Logits are
 * those of a full forward pass over the whole text.
 *
 * With an encoder-decoder (`kind: "longnet"`) the prompt is the source: it is encoded once, and the keys and values that
 * cross-attention sees are kept, 2·G·D numbers a source token and layer of the decoder. The target begins with the tokens
 * `start`, one step each, and only what is drawn is yielded. A step costs O(M) more for a source of M tokens. Repetition
 * counts in the target alone.
 *
 * @param prompt - at least one token
 * @returns yields the tokens; returns all of them with the reason why they ended
 * @throws ConfigError for bad options, LimitError for tokens outside the vocabulary, for lengths that the model cannot count and where the model's logits
 * are not finite, AbortedError when `signal` fires.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createModel, generate } from "@dilated/models";
 * const device = await openDevice();
 * const model = createModel(device, { kind: "longnet-lm", preset: "tiny" });
 * const prompt = new TextEncoder().encode("Call me ");
 * for await (const byte of generate(model, prompt, { count: 4, temperature: 0.8 })) console.log(String.fromCharCode(byte));
 * device.dispose();
 * ```
 */
export function generate(
  model: CausalModel<string> | LongNet,
  prompt: ArrayLike<number>,
  options: GenerateOptions,
): AsyncGenerator<number, GenerateResult>;
/** Writes the target of a source, from `start` on. */
export function generate(
  model: LongNet,
  source: ArrayLike<number>,
  options: TargetOptions,
): AsyncGenerator<number, GenerateResult>;
export async function* generate(
  model: CausalModel<string> | LongNet,
  prompt: ArrayLike<number>,
  options: TargetOptions,
): AsyncGenerator<number, GenerateResult> {
  checkCall("generate", ARGUMENTS, arguments);
  const texts = continueTexts("generate", model, [prompt], options);
  try {
    for (;;) {
      const { done, value } = await texts.next();
      if (done) return value[0] ?? { tokens: [], finishReason: "length" };
      const [token] = value;
      if (token !== undefined) yield token;
    }
  } finally {
    await texts.return([]); // frees the cache when the reader stops early
  }
}
