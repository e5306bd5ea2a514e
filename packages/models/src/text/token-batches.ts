import {
  checkCall,
  checkConfig,
  type Filled,
  field,
  LimitError,
  philox4x32,
  RANDOM_DOMAINS,
  seedKey,
} from "@dilated/core";
import { checkTokenRange } from "../longnet-lm/tokens.ts";
import type { TokenBatch } from "../train/batch.ts";

/** How windows are drawn from a text. */
export interface WindowOptions {
  /** N: context length. */
  readonly seq: number;
  /** B: windows a step. @defaultValue 1 */
  readonly batch?: number | undefined;
  /** @defaultValue 0 */
  readonly seed?: number | undefined;
}

/** Options of {@link tokenBatches}. */
export interface TokenBatchOptions extends WindowOptions {
  /** V of the model: every id must be below. */
  readonly vocab: number;
}

const windowSchema = {
  seq: field.positiveInteger(),
  batch: field.withDefault(field.positiveInteger(2 ** 31 - 1), 1),
  seed: field.withDefault(field.nonNegativeInteger(), 0),
};

const STEP = { step: field.nonNegativeInteger() };

const tokenSchema = { ...windowSchema, vocab: field.positiveInteger() };
const TOKENS = { ids: field.numbers(), options: field.object(tokenSchema) };
const BYTES = { text: field.bytes(), options: field.object(windowSchema) };

/**
 * Random windows of a tokenised text: a function of (seed, step) alone, so that resuming sees the same windows.
 *
 * Synchronous: ids are checked and copied once, some milliseconds a million; a batch costs what its own tokens do.
 *
 * @param ids - the whole text, as a tokenizer gives it
 * @throws LimitError when the text is shorter than one window, or for an id outside the vocabulary, whose position it names; ConfigError for bad options.
 * @example
 * ```ts
 * import { byteTokenizer, tokenBatches } from "@dilated/models";
 * const tokenizer = byteTokenizer();
 * const batches = tokenBatches(tokenizer.encode("some text ".repeat(50)), { seq: 64, batch: 2, vocab: tokenizer.vocab });
 * ```
 */
export function tokenBatches(ids: ArrayLike<number>, options: TokenBatchOptions): (step: number) => TokenBatch {
  checkCall("tokenBatches", TOKENS, arguments);
  const { vocab, ...windows } = checkConfig("tokenBatches", tokenSchema, options);
  checkTokenRange("tokenBatches", ids, vocab);
  return windowsOf("tokenBatches", "tokens", Int32Array.from(ids, Number), windows);
}

/**
 * Random windows of a text, bytes as tokens: a function of (seed, step) alone, so that resuming sees the same windows.
 *
 * @throws LimitError when the text is shorter than one window; ConfigError for bad options.
 */
export function byteBatches(text: Uint8Array, options: WindowOptions): (step: number) => TokenBatch {
  checkCall("byteBatches", BYTES, arguments);
  return windowsOf("byteBatches", "bytes", text, checkConfig("byteBatches", windowSchema, options));
}

function windowsOf(
  caller: string,
  unit: string,
  text: Int32Array | Uint8Array,
  { seq, batch, seed }: Filled<WindowOptions>,
): (step: number) => TokenBatch {
  const length = seq + 1;
  const starts = text.length - length + 1;
  if (starts < 1) {
    throw new LimitError(`${caller}: a window of ${length} ${unit} does not fit into a text of ${text.length}`, {
      fix: text.length > 1 ? `use seq <= ${text.length - 1}` : "use a longer text",
    });
  }
  const key = seedKey(seed, caller);
  return (...given) => {
    checkCall(`${caller}: a batch`, STEP, given);
    const [step] = given;
    const [low, high] = [step >>> 0, Math.floor(step / 2 ** 32)];
    const tokens = new Int32Array(batch * length);
    for (let b = 0; b < batch; b++) {
      // 53 bits: a text may have more places than one word can name.
      const [word = 0, more = 0] = philox4x32([low, b, high, RANDOM_DOMAINS.windows], key);
      const start = Math.floor(((word * 2 ** 21 + (more >>> 11)) / 2 ** 53) * starts);
      tokens.set(text.subarray(start, start + length), b * length);
    }
    return { tokens, shape: [batch, length] };
  };
}
