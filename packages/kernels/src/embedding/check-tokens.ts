import { ConfigError, checkCall, field } from "@dilated/core";

/** Options of {@link checkTokens}. */
export interface CheckTokensOptions {
  /** A value that may stand for "no token" (targets: `ignoreIndex`). @defaultValue none */
  readonly allow?: number | undefined;
}

const INTEGER = field.custom<number>("an integer", Number.isSafeInteger);
const ARGUMENTS = {
  tokens: field.numbers(),
  vocab: field.positiveInteger(),
  options: field.options<CheckTokensOptions>({ allow: field.optional(INTEGER) }),
};

/**
 * Throws unless every token is a whole number in [0, vocab): the check that a device cannot make without waiting.
 *
 * @throws ConfigError that names the first bad token and how many there are.
 * @example
 * ```ts
 * import { openDevice } from "@dilated/core";
 * import { checkTokens } from "@dilated/kernels";
 * const device = await openDevice();
 * const tokens = new TextEncoder().encode("Call me Ishmael.");
 * checkTokens(tokens, 256);
 * const ids = device.tensor(Int32Array.from(tokens), [1, tokens.length], { dtype: "i32" });
 * device.dispose();
 * ```
 */
export function checkTokens(tokens: ArrayLike<number>, vocab: number, options: CheckTokensOptions = {}): void {
  checkCall("checkTokens", ARGUMENTS, arguments);
  let bad = 0;
  let first = -1;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (token === undefined) {
      // A length that somebody made up may be endless.
      throw new ConfigError(`checkTokens: there is no token at index ${i}`, {
        details: [`length: ${tokens.length}`],
        fix: "pass an array that holds as many tokens as its length says",
      });
    }
    if ((Number.isInteger(token) && token >= 0 && token < vocab) || token === options.allow) continue;
    if (bad === 0) first = i;
    bad++;
  }
  if (bad === 0) return;
  throw new ConfigError(`checkTokens: ${bad} of ${tokens.length} tokens are not in [0, ${vocab})`, {
    details: [`first: token ${tokens[first]} at index ${first}`],
    fix: "use a vocabulary that holds every token, or the tokenizer that belongs to the model",
  });
}
