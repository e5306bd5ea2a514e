/** Why a text ended: a stop token or sequence, or the count. */
export type FinishReason = "stop" | "length";

/** What ends a text. */
export interface StopConditions {
  readonly count: number;
  readonly stopTokens: readonly number[];
  readonly stopSequences: readonly (readonly number[])[];
}

/** Why the drawn tokens end here; undefined when they go on. */
export function finished(
  drawn: readonly number[],
  { count, stopTokens, stopSequences }: StopConditions,
): FinishReason | undefined {
  const last = drawn.at(-1);
  if (last !== undefined && stopTokens.includes(last)) return "stop";
  const ends = (sequence: readonly number[]): boolean =>
    sequence.length <= drawn.length &&
    sequence.every((token, i) => drawn[drawn.length - sequence.length + i] === token);
  if (stopSequences.some(ends)) return "stop";
  return drawn.length >= count ? "length" : undefined;
}
