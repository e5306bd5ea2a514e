import { checkCall, type FieldsOf, field, LimitError } from "@dilated/core";

/** How the next token is drawn. */
export interface SamplingOptions {
  /** 0 takes the likeliest token. @defaultValue 1 */
  readonly temperature?: number | undefined;
  /** Keep only the k likeliest tokens; 0 keeps all. @defaultValue 0 */
  readonly topK?: number | undefined;
  /** Keep the smallest set of tokens whose probability reaches this. @defaultValue 1 */
  readonly topP?: number | undefined;
  /** Logits of tokens that occurred in prompt or text are divided by this (multiplied where negative). @defaultValue 1 */
  readonly repetitionPenalty?: number | undefined;
}

const OPTIONS: FieldsOf<SamplingOptions> = {
  temperature: field.optional(field.number(0)),
  topK: field.optional(field.nonNegativeInteger()),
  topP: field.optional(field.number(0, 1)),
  repetitionPenalty: field.optional(field.positive()),
};

const DRAW = {
  logits: field.custom(
    "a Float32Array of one logit a token",
    (value) => value instanceof Float32Array && value.length > 0,
  ),
  options: field.object(OPTIONS),
  uniform: field.custom("a number from 0 to below 1", (value) => field.fraction().test(value)),
};

/**
 * Refuses logits that no token can be drawn from: minus infinity rules a token out, but one must be left, and NaN or infinity says that the model is broken.
 *
 * @throws LimitError
 */
export function checkLogits(caller: string, logits: Float32Array, text?: number, step?: number): void {
  const which = text === undefined ? "the logits" : `the logits of text ${text} at drawn token ${step}`;
  let best = Number.NEGATIVE_INFINITY;
  for (const [token, value] of logits.entries()) {
    if (value > best) best = value;
    if (value < Number.POSITIVE_INFINITY) continue;
    throw new LimitError(`${caller}: ${which} are not finite`, {
      details: [`token ${token} has ${value}`],
      fix: "look for NaN and infinity in the model's parameters; training may have diverged before they were saved",
    });
  }
  if (best === Number.NEGATIVE_INFINITY) {
    throw new LimitError(`${caller}: ${which} rule out every token`, {
      details: [`all ${logits.length} are -Infinity`],
      fix: "leave at least one token finite",
    });
  }
}

/** Divides positive logits of tokens that occurred by the penalty, and multiplies negative ones. In place. */
export function penalise(logits: Float32Array, seen: Iterable<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const token of seen) {
    const value = logits[token] ?? 0;
    logits[token] = value > 0 ? value / penalty : value * penalty;
  }
}

/**
 * Draws a token from logits [V] with one uniform number in [0, 1). Temperature first, then top-k, then top-p; ties go to the lower token.
 *
 * @throws ConfigError; LimitError for logits that are NaN or infinity, or that rule out every token.
 */
export function drawToken(logits: Float32Array, options: SamplingOptions, uniform: number): number {
  checkCall("drawToken", DRAW, arguments);
  checkLogits("drawToken", logits);
  return draw(logits, options, uniform);
}

/** {@link drawToken} with options that were checked, others beside them. */
export function draw(logits: Float32Array, options: SamplingOptions, uniform: number): number {
  const { temperature = 1, topK = 0, topP = 1 } = options;
  if (temperature === 0) return likeliest(logits);
  const order = Array.from(logits.keys()).sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
  const best = order[0] ?? 0;
  const kept = topK > 0 ? order.slice(0, topK) : order;
  const top = logits[best] as number;
  const weights = kept.map((token) => Math.exp(((logits[token] as number) - top) / temperature));
  const total = weights.reduce((sum, w) => sum + w, 0);
  let nucleus = 0;
  let end = 0;
  while (end < weights.length && nucleus < topP * total) nucleus += weights[end++] as number;
  let left = uniform * nucleus;
  for (let i = 0; i < end; i++) {
    left -= weights[i] as number;
    if (left < 0) return kept[i] as number;
  }
  return kept[end - 1] as number;
}

function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let token = 1; token < logits.length; token++) {
    if ((logits[token] as number) > (logits[best] as number)) best = token;
  }
  return best;
}
