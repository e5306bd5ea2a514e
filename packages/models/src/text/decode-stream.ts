import { checkArgument, checkCall, field } from "@dilated/core";
import { methods } from "../options/kinds.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Turns ids into text as they come. */
export interface StreamDecoder {
  /** The text that this id completes; empty while a character is unfinished. */
  push(id: number): string;
  /** What is left at the end; an unfinished character is U+FFFD. */
  end(): string;
}

const REPLACEMENT = "\uFFFD";

const DECODES = methods("a tokenizer, with decode()", "decode");
const TEXT = field.string();
const ID = field.nonNegativeInteger();
const IDS = field.custom("a stream of ids: what generate gives, or a list", (value) => {
  const [each, later] = [Symbol.iterator, Symbol.asyncIterator];
  return typeof value === "object" && value !== null && (each in value || later in value);
});

/**
 * A decoder of one sequence. Text comes out as soon as nothing behind it can change it: a character of several bytes comes whole. Each id costs the decoding of
 * the last few only, however long the text is.
 */
export function streamDecoder(tokenizer: Pick<Tokenizer, "decode">): StreamDecoder {
  checkCall("streamDecoder", { tokenizer: DECODES }, arguments);
  // Ids behind `shown` have not been written. The one before it stays as context: a space may depend on what stands in front.
  let ids: number[] = [];
  let shown = 0;
  const take = (final: boolean): string => {
    const before = tokenizer.decode(ids.slice(0, shown));
    const all = tokenizer.decode(ids);
    checkArgument("streamDecoder", "what tokenizer.decode returns", TEXT, all);
    if (!final && (all.length <= before.length || all.endsWith(REPLACEMENT))) return "";
    ids = ids.slice(shown);
    shown = ids.length;
    return all.slice(before.length);
  };
  return {
    push: (...given) => {
      checkCall("streamDecoder.push", { id: ID }, given);
      ids.push(given[0]);
      try {
        return take(false);
      } catch (error) {
        ids.pop(); // refused: those that come behind it are not
        throw error;
      }
    },
    end: () => (ids.length > shown ? take(true) : ""),
  };
}

/**
 * The text of a stream of ids, piece by piece; returns what the stream returns.
 *
 * @example
 * ```ts
 * import { byteTokenizer, decodeStream } from "@dilated/models";
 * const tokenizer = byteTokenizer();
 * for await (const piece of decodeStream(tokenizer, tokenizer.encode("naïve 🐋"))) console.log(piece); // n a ï v e 🐋
 * // in earnest: decodeStream(tokenizer, generate(model, tokenizer.encode("Call me"), { count: 100 }))
 * ```
 */
export async function* decodeStream<R>(
  tokenizer: Pick<Tokenizer, "decode">,
  ids: AsyncGenerator<number, R> | Iterable<number>,
): AsyncGenerator<string, R | undefined> {
  checkCall("decodeStream", { tokenizer: DECODES, ids: IDS }, arguments);
  const decoder = streamDecoder(tokenizer);
  const source = Symbol.asyncIterator in ids ? ids[Symbol.asyncIterator]() : ids[Symbol.iterator]();
  try {
    for (let next = await source.next(); ; next = await source.next()) {
      if (next.done) {
        const rest = decoder.end();
        if (rest) yield rest;
        return next.value as R | undefined;
      }
      const piece = decoder.push(next.value);
      if (piece) yield piece;
    }
  } finally {
    await source.return?.(undefined as never); // whoever stops reading stops the generation, too
  }
}
