import { ConfigError } from "@dilated/core";

/** How the next token is drawn. */
export interface SamplingOptions {
  /** 0 takes the likeliest token. @defaultValue 1 */
  readonly temperature?: number;
  /** Keep only the k likeliest tokens; 0 keeps all. @defaultValue 0 */
  readonly topK?: number;
  /** Keep the smallest set of tokens whose probability reaches this. @defaultValue 1 */
  readonly topP?: number;
}

/** @throws ConfigError for values out of range. */
export function checkSampling({ temperature = 1, topK = 0, topP = 1 }: SamplingOptions): void {
  const details = [
    ...(temperature >= 0 && Number.isFinite(temperature)
      ? []
      : [`temperature: ${temperature} is not a non-negative number`]),
    ...(Number.isSafeInteger(topK) && topK >= 0 ? [] : [`topK: ${topK} is not a non-negative integer`]),
    ...(topP > 0 && topP <= 1 ? [] : [`topP: ${topP} is not in (0, 1]`]),
  ];
  if (details.length > 0)
    throw new ConfigError("sampling: options are not valid", { details, fix: "correct the fields above" });
}

/**
 * Draws a token from logits [V] with one uniform number in [0, 1). Temperature first, then top-k, then top-p; ties go to the lower token.
 */
export function drawToken(logits: Float32Array, options: SamplingOptions, uniform: number): number {
  const { temperature = 1, topK = 0, topP = 1 } = options;
  const order = Array.from(logits.keys()).sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
  const best = order[0] ?? 0;
  if (temperature === 0) return best;
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
