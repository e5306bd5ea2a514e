import {
  checkArgument,
  checkCall,
  DilatedError,
  FeatureError,
  type FieldsOf,
  FormatError,
  field,
  LimitError,
} from "@dilated/core";
import { checkTokenRange } from "../longnet-lm/tokens.ts";
import { checkPatterns } from "./patterns.ts";
import { checkVocabulary, DECODE, ENCODE, ID_OF, type Tokenizer } from "./tokenizer.ts";

/** Options of {@link loadTokenizer}. */
export interface LoadTokenizerOptions {
  /** V of the model that the ids are for, `model.config.vocab`: the tokenizer must not have more. @defaultValue not checked */
  readonly vocab?: number | undefined;
  /** Takes the regular expressions of tokenizer.json as they are: for files that you know. @defaultValue false */
  readonly trusted?: boolean | undefined;
}

const OPTIONS: FieldsOf<LoadTokenizerOptions> = {
  vocab: field.optional(field.positiveInteger()),
  trusted: field.optional(field.boolean()),
};

const FILE = field.either(field.string(), field.having({}), "the text of the file, or what it holds, parsed");
const ARGUMENTS = {
  json: FILE,
  configJson: field.optional(FILE),
  options: field.options<LoadTokenizerOptions>(OPTIONS),
};

/**
 * A Hugging Face tokenizer from the files that every model there has. Needs the package `@huggingface/tokenizers`, an optional peer; nothing is
 * downloaded.
 *
 * Ids are checked before the library sees them, as it makes a list as long as the largest, and regular expressions that
 * repeat what is itself repeated are refused: `(a+)+` takes time exponential in the length of a text. That is a rule of
 * thumb: others may still be slow, and some that it refuses are harmless (`trusted: true` takes them). Load files of
 * strangers in a worker that you can end.
 *
 * What it loads is made, and encodes, on this thread without a pause: tenths of a second for a large tokenizer.json,
 * and about a second a million characters. Encode long texts in pieces, with `eventLoopPauses` between them, or in a
 * worker.
 *
 * @param json - tokenizer.json: its text, or parsed
 * @param configJson - tokenizer_config.json: its text, or parsed. @defaultValue no settings
 * @throws FeatureError when the package is not installed; FormatError for files that are no tokenizer, or hold a
 * regular expression as above; ConfigError when the vocabulary is too large for the model; LimitError for ids from 2^22
 * on.
 */
export async function loadTokenizer(
  json: string | object,
  configJson: string | object = {},
  options: LoadTokenizerOptions = {},
): Promise<Tokenizer> {
  checkCall("loadTokenizer", ARGUMENTS, arguments);
  const { vocab: modelVocab, trusted = false } = options;
  const library = await importLibrary();
  const settings = [parse("tokenizer.json", json), parse("tokenizer_config.json", configJson)] as const;
  inside("tokenizer.json cannot be read", () => {
    checkIds(settings[0]);
    if (!trusted) checkPatterns(settings[0]);
  });
  const [inner, ids] = inside("these files make no tokenizer", () => {
    const made = new library.Tokenizer(...settings);
    return [made, [...made.get_vocab(true).values()]] as const;
  });
  // Ids may have holes, and the special tokens stand behind the rest.
  const vocab = ids.reduce((most, id) => Math.max(most, id + 1), 0);
  if (vocab === 0) throw new FormatError("loadTokenizer: the vocabulary is empty");
  const tokenizer: Tokenizer = {
    vocab,
    encode: (...given) => {
      checkCall("tokenizer.encode", ENCODE, given);
      const [text, { special = false } = {}] = given;
      return inner.encode(text, { add_special_tokens: special }).ids;
    },
    decode: (...given) => {
      checkCall("tokenizer.decode", DECODE, given);
      const [tokens, { special = false } = {}] = given;
      checkTokenRange("tokenizer.decode", tokens, vocab);
      if (tokens.length === 0) return "";
      return inner.decode(Array.from(tokens), { skip_special_tokens: !special, clean_up_tokenization_spaces: false });
    },
    idOf: (...given) => {
      checkCall("tokenizer.idOf", ID_OF, given);
      return inner.token_to_id(given[0]);
    },
  };
  if (modelVocab !== undefined) checkVocabulary(tokenizer, modelVocab);
  return tokenizer;
}

const TOKENS = field.list(field.having({}));
const MOST_IDS = 2 ** 22;

/** @throws LimitError for an id that would make the library's list too long. */
function checkIds(json: { readonly model?: unknown; readonly added_tokens?: unknown }): void {
  const { vocab } = (json.model ?? {}) as { readonly vocab?: unknown };
  const added = (json.added_tokens ?? []) as readonly { readonly content?: unknown; readonly id?: unknown }[];
  checkArgument("loadTokenizer", "json.added_tokens", TOKENS, added);
  const check = (token: string, id: unknown): void => {
    if (id === undefined || (Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < MOST_IDS)) return;
    throw new LimitError("loadTokenizer: an id of tokenizer.json is too large, or no id", {
      details: [
        `token ${JSON.stringify(token.slice(0, 40))}: ${String(id).slice(0, 40)}`,
        `allowed: an integer from 0 to ${MOST_IDS - 1}`,
      ],
      fix: "pass the tokenizer.json of the model",
    });
  };
  if (typeof vocab === "object" && vocab !== null && !Array.isArray(vocab)) {
    for (const [token, id] of Object.entries(vocab)) check(token, id);
  }
  for (const token of added) check(String(token?.content), token?.id);
}

async function importLibrary(): Promise<typeof import("@huggingface/tokenizers")> {
  try {
    return await import("@huggingface/tokenizers");
  } catch (cause) {
    throw new FeatureError("loadTokenizer: the package @huggingface/tokenizers is not installed", {
      fix: "npm install @huggingface/tokenizers",
      cause,
    });
  }
}

function parse(name: string, json: string | object): object {
  const value = typeof json === "string" ? inside(`${name} is not JSON`, () => JSON.parse(json) as unknown) : json;
  if (typeof value === "object" && value !== null) return value;
  throw new FormatError(`loadTokenizer: ${name} is not an object`, { fix: `pass the text of ${name}` });
}

function inside<T>(summary: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (DilatedError.is(cause)) throw cause;
    throw new FormatError(`loadTokenizer: ${summary}`, {
      details: [cause instanceof Error ? cause.message : String(cause)],
      fix: "pass the tokenizer.json and tokenizer_config.json of one model",
      cause,
    });
  }
}
