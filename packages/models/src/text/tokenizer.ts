import { ConfigError, checkCall, field, type Schema } from "@dilated/core";
import { checkTokenRange } from "../longnet-lm/tokens.ts";

/** Text to token ids and back. */
export interface Tokenizer {
  /** V: ids are 0 to V − 1. */
  readonly vocab: number;
  /** @param options.special - adds what the tokenizer puts around a text, such as a start token. @defaultValue false */
  encode(text: string, options?: { readonly special?: boolean }): number[];
  /**
   * Ids that do not end on a whole character end in U+FFFD; `decodeStream` waits instead.
   *
   * @param options.special - shows special tokens as text. @defaultValue false
   * @throws LimitError that names the position of an id that the vocabulary does not have.
   */
  decode(ids: ArrayLike<number>, options?: { readonly special?: boolean }): string;
  /** Id of a token as the vocabulary spells it, say of `"<|endoftext|>"`. */
  idOf(token: string): number | undefined;
}

/** There are no special tokens among bytes: none are added, and none are shown. */
const SPECIAL = field.options<{ special?: boolean }>({ special: field.optional(field.boolean()) });
/** What a tokenizer's functions take. */
export const ENCODE: Schema = { text: field.string(), options: SPECIAL };
export const DECODE: Schema = { ids: field.numbers(), options: SPECIAL };
export const ID_OF: Schema = { token: field.string() };

/** UTF-8 bytes as tokens: V = 256, any text, nothing to load. */
export function byteTokenizer(): Tokenizer {
  checkCall("byteTokenizer", {}, arguments);
  return {
    vocab: 256,
    encode: (...given) => {
      checkCall("byteTokenizer.encode", ENCODE, given);
      const [text] = given;
      const bytes = new TextEncoder().encode(text);
      // Array.from asks an iterator for each of them, which takes several times as long.
      const ids = new Array<number>(bytes.length);
      for (let i = 0; i < ids.length; i++) ids[i] = bytes[i] as number;
      return ids;
    },
    decode: (...given) => {
      checkCall("byteTokenizer.decode", DECODE, given);
      const [ids] = given;
      checkTokenRange("byteTokenizer.decode", ids, 256);
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(ids, Number));
    },
    idOf: (...given) => {
      checkCall("byteTokenizer.idOf", ID_OF, given);
      const [token] = given;
      const bytes = new TextEncoder().encode(token);
      return bytes.length === 1 ? bytes[0] : undefined;
    },
  };
}

const isSized = (value: unknown): boolean =>
  typeof value === "object" && field.positiveInteger().test((value as Partial<Tokenizer> | null)?.vocab);
const CHECK = { tokenizer: field.custom("a tokenizer, with its vocab", isSized), vocab: field.positiveInteger() };

/**
 * Throws unless every id of the tokenizer has a row in the model's embedding. The model may have more, as vocabularies are often padded.
 *
 * @param vocab - of the model
 * @throws ConfigError
 */
export function checkVocabulary(tokenizer: Pick<Tokenizer, "vocab">, vocab: number): void {
  checkCall("checkVocabulary", CHECK, arguments);
  if (tokenizer.vocab <= vocab) return;
  throw new ConfigError(
    `checkVocabulary: the tokenizer has ${tokenizer.vocab} tokens, and the model's vocabulary ${vocab}`,
    {
      details: [`ids ${vocab} to ${tokenizer.vocab - 1} have no embedding`],
      fix: `make the model with vocab: ${tokenizer.vocab}, or load the tokenizer that it was trained with`,
    },
  );
}
