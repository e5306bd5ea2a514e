import { AbortedError, checkCall, eventLoopPauses, field, philox4x32, RANDOM_DOMAINS, seedKey } from "@dilated/core";
import { type Decoder, decodeStep, openDecoder, prefill } from "../decode/decoder.ts";
import { openTargetDecoder } from "../decode/target-decoder.ts";
import type { CausalModel } from "../longnet/causal-model.ts";
import type { LongNet } from "../longnet/longnet.ts";
import { unlessAborted } from "../train/unless-aborted.ts";
import { checkLogits, draw, penalise } from "./filter.ts";
import {
  checkGenerates,
  checkPrompts,
  checkSources,
  type GenerateOptions,
  isLongNet,
  type ResolvedGenerate,
  resolveGenerate,
  type TargetOptions,
} from "./options.ts";
import { type FinishReason, finished } from "./stop.ts";

/** How one text ended. */
export interface GenerateResult {
  /** The drawn tokens. */
  readonly tokens: readonly number[];
  readonly finishReason: FinishReason;
}

/** A text while it grows. */
interface Text {
  readonly drawn: number[];
  /** Tokens that occurred, prompt included; kept only where a penalty needs them. */
  readonly seen: Set<number>;
  finishReason: FinishReason | undefined;
}

/** The model and the options are checked with each other, by `continueTexts`. */
const ARGUMENTS = {
  model: field.any("a model"),
  prompts: field.list(field.numbers()),
  options: field.any("an object"),
};

/**
 * Continues several texts together, of any lengths; each gets the tokens that it would get alone with the same random numbers, which belong to
 * (seed, text, place). Prompts go through the model in one pass (one for each run of equal lengths), then tokens one by one through the cache.
 * An encoder-decoder takes sources in the place of prompts, and writes the target of each: see {@link generate}.
 *
 * @param prompts - at least one token each
 * @returns yields the tokens drawn in one step, undefined for texts that have ended; returns how each ended
 * @throws as {@link generate}
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { createModel, generateBatch } from "@dilated/models";
 * const device = await openDevice();
 * const model = createModel(device, { kind: "longnet-lm", preset: "tiny" });
 * const prompts = ["Call me ", "It was the "].map((text) => new TextEncoder().encode(text));
 * for await (const [first, second] of generateBatch(model, prompts, { count: 4 })) console.log(first, second);
 * device.dispose();
 * ```
 */
export function generateBatch(
  model: CausalModel<string> | LongNet,
  prompts: readonly ArrayLike<number>[],
  options: GenerateOptions,
): AsyncGenerator<readonly (number | undefined)[], readonly GenerateResult[]>;
/** Writes the target of each source, from `start` on. */
export function generateBatch(
  model: LongNet,
  sources: readonly ArrayLike<number>[],
  options: TargetOptions,
): AsyncGenerator<readonly (number | undefined)[], readonly GenerateResult[]>;
export async function* generateBatch(
  model: CausalModel<string> | LongNet,
  prompts: readonly ArrayLike<number>[],
  options: TargetOptions,
): AsyncGenerator<readonly (number | undefined)[], readonly GenerateResult[]> {
  checkCall("generateBatch", ARGUMENTS, arguments);
  return yield* continueTexts("generateBatch", model, prompts, options);
}

/** {@link generateBatch}, for a caller of another name. */
export async function* continueTexts(
  caller: string,
  model: CausalModel<string> | LongNet,
  given: readonly ArrayLike<number>[],
  options: TargetOptions,
): AsyncGenerator<readonly (number | undefined)[], readonly GenerateResult[]> {
  checkGenerates(caller, model);
  const resolved = resolveGenerate(caller, options, isLongNet(model));
  const { window, count, signal, repetitionPenalty, start } = resolved;
  const prompts = window === undefined ? given : given.map((prompt) => lastOf(prompt, window));
  const opening = openingOf(caller, model, prompts, resolved);
  const texts = prompts.map((prompt): Text => {
    const seen = new Set(repetitionPenalty === 1 ? [] : isLongNet(model) ? start : Array.from(prompt, Number));
    return { drawn: [], seen, finishReason: count === 0 ? "length" : undefined };
  });
  const aborted = (step: number) =>
    new AbortedError(`${caller}: stopped after ${step} of ${count} tokens`, { cause: signal?.reason });
  const checkSignal = (step: number): void => {
    if (signal?.aborted) throw aborted(step);
  };
  const pause = eventLoopPauses();
  checkSignal(0);
  if (count > 0) {
    using decoder = opening.open();
    // What of the start of a target is queued before the first token is drawn; prompts go through in one pass.
    for (const token of start.slice(0, -1)) {
      decodeStep(decoder, allOf(prompts, token)).dispose();
      await pause();
      checkSignal(0);
    }
    let fed: readonly (number | undefined)[] | undefined = opening.fed;
    for (let step = 0; texts.some(({ finishReason }) => finishReason === undefined); step++) {
      using logits = fed ? decodeStep(decoder, fed) : prefill(decoder, prompts);
      const rows = (await unlessAborted(logits.data(), signal, () => aborted(step))) as Float32Array;
      checkSignal(step);
      for (const [b, { finishReason }] of texts.entries()) {
        if (finishReason === undefined) checkLogits(caller, rowOf(rows, b, texts.length), b, step);
      }
      const drawn: (number | undefined)[] = [];
      for (const [b, text] of texts.entries()) {
        drawn.push(extend(text, rowOf(rows, b, texts.length), resolved, uniformAt(resolved.seed, step, b)));
        await pause(); // a large vocabulary takes milliseconds a text
      }
      yield drawn;
      checkSignal(step + 1);
      fed = drawn.map((token, b) => (texts[b]?.finishReason === undefined ? token : undefined));
    }
  }
  return texts.map(({ drawn, finishReason = "length" }) => ({ tokens: drawn, finishReason }));
}

/** How a batch begins: the decoder, and the tokens that it is fed first; without, prompts go through in one pass. */
interface Opening {
  readonly open: () => Decoder;
  readonly fed?: readonly number[];
}

/** @throws ConfigError, LimitError before anything is queued. */
function openingOf(
  caller: string,
  model: CausalModel<string> | LongNet,
  prompts: readonly ArrayLike<number>[],
  resolved: ResolvedGenerate,
): Opening {
  const { count, cacheDtype, start } = resolved;
  if (!isLongNet(model)) {
    const length = checkPrompts(caller, model.config, prompts, count);
    return { open: () => openDecoder(model, prompts.length, { length, cacheDtype }) };
  }
  const length = checkSources(caller, model, prompts, resolved);
  return {
    open: () => openTargetDecoder(model, prompts, { length, cacheDtype }),
    fed: allOf(prompts, start.at(-1) ?? 0),
  };
}

/** The same token for each text. */
function allOf(texts: readonly unknown[], token: number): number[] {
  return texts.map(() => token);
}

/** The last tokens of a prompt, which is not copied whole. */
function lastOf(prompt: ArrayLike<number>, window: number): ArrayLike<number> {
  const first = Math.max(0, prompt.length - window);
  const last: number[] = [];
  for (let i = first; i < prompt.length; i++) {
    last.push(prompt[i] as number);
    if (prompt[i] === undefined) break; // refused below; the rest may be endless
  }
  return last;
}

function rowOf(rows: Float32Array, b: number, B: number): Float32Array {
  const V = rows.length / B;
  return rows.subarray(b * V, (b + 1) * V);
}

/** Draws the next token of a text, unless it has ended. */
function extend(text: Text, logits: Float32Array, options: ResolvedGenerate, uniform: number): number | undefined {
  if (text.finishReason !== undefined) return undefined;
  penalise(logits, text.seen, options.repetitionPenalty);
  const token = draw(logits, options, uniform);
  text.drawn.push(token);
  if (options.repetitionPenalty !== 1) text.seen.add(token);
  text.finishReason = finished(text.drawn, options);
  return token;
}

function uniformAt(seed: number, step: number, text: number): number {
  const [word = 0] = philox4x32([step >>> 0, text, Math.floor(step / 2 ** 32), RANDOM_DOMAINS.sampling], seedKey(seed));
  return word / 2 ** 32;
}
