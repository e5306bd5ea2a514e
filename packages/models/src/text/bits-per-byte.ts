import { checkArgument, checkCall, field, ShapeError } from "@dilated/core";
import { checkTokenRange } from "../longnet-lm/tokens.ts";
import { TRAINABLE } from "../options/kinds.ts";
import { type Trainable, vocabularyOf } from "../train/trainable.ts";

const seq = field.positiveInteger();
const HELD_OUT = { model: TRAINABLE, tokens: field.numbers(), seq };
const BITS = { model: TRAINABLE, text: field.bytes(), seq };

/**
 * Mean loss of `tokens`, read in consecutive windows of `seq` (each token but the first is predicted once, from what its window shows before it). Nats a token;
 * `exp` of it is the perplexity.
 *
 * @throws ShapeError for fewer than two tokens; LimitError for one outside the vocabulary, whose position it names.
 */
export async function heldOutLoss(model: Trainable, tokens: ArrayLike<number>, seq: number): Promise<number> {
  checkCall("heldOutLoss", HELD_OUT, arguments);
  return lossOf("heldOutLoss", model, tokens, seq);
}

async function lossOf(caller: string, model: Trainable, tokens: ArrayLike<number>, seq: number): Promise<number> {
  if (tokens.length < 2) {
    throw new ShapeError(`${caller}: there is nothing to predict`, {
      details: [`${tokens.length} tokens, seq ${seq}`],
      fix: "pass at least two tokens",
    });
  }
  const vocab = vocabularyOf(model)("");
  if (vocab !== undefined) checkTokenRange(caller, tokens, vocab);
  const text = Int32Array.from(tokens, Number); // ids may be 64-bit integers
  let nats = 0;
  for (let start = 0; start + 1 < text.length; start += seq) {
    const window = text.subarray(start, Math.min(text.length, start + seq + 1));
    const { device } = model;
    using loss = device.scope(() =>
      model.loss(device.tensor(window, [1, window.length], { dtype: "i32", label: "eval" })),
    );
    checkArgument(caller, "what the model's loss returns", field.tensor("of one element"), loss);
    nats += (await loss.item()) * (window.length - 1);
  }
  return nats / (text.length - 1);
}

/** Bits a byte that a byte model needs for `text`: {@link heldOutLoss} in bits. */
export async function bitsPerByte(model: Trainable, text: Uint8Array, seq: number): Promise<number> {
  checkCall("bitsPerByte", BITS, arguments);
  return (await lossOf("bitsPerByte", model, text, seq)) / Math.LN2;
}

/** Entropy of single bytes: what a model reaches that knows frequencies and nothing else. Bits a byte. */
export function unigramEntropy(text: Uint8Array): number {
  checkCall("unigramEntropy", { text: field.bytes() }, arguments);
  const counts = new Float64Array(256);
  for (const byte of text) counts[byte] = (counts[byte] ?? 0) + 1;
  return counts.reduce((bits, n) => (n > 0 ? bits - (n / text.length) * Math.log2(n / text.length) : bits), 0);
}
