import { ConfigError, checkCall, field, isPlain, show } from "@dilated/core";
import { capture } from "../expression/capture.ts";
import type { MaskFunction } from "../mask/build.ts";

/** Packed documents: their lengths in order, or the document of each token. */
export type DocumentsOptions =
  | {
      /** Tokens of each document; those behind the last are in none. */
      readonly lengths: ArrayLike<number>;
      /** Tokens in all. @defaultValue the sum of the lengths */
      readonly N?: number | undefined;
    }
  | {
      /** [N] or [B, N] integers, row-major; negative: in no document, sees nothing. */
      readonly ids: ArrayLike<number>;
      /** Batch rows that have documents of their own. @defaultValue 1 */
      readonly B?: number | undefined;
    };

const SIZES = { B: field.optional(field.positiveInteger()), N: field.optional(field.positiveInteger(2 ** 28)) };
const BY_LENGTH = { options: field.object({ lengths: field.numbers(), N: SIZES.N }) };
const BY_ID = { options: field.object({ ids: field.numbers(), B: SIZES.B }) };

/**
 * Each query sees the keys of its own document. For causal attention: `andMasks(causal, documents({ lengths }))`.
 *
 * @throws ConfigError for lengths or numbers that are no integers, or more tokens than N.
 * @example
 * ```ts
 * import { andMasks, blockMask, causal, documents } from "@dilated/sparse";
 * blockMask(andMasks(causal, documents({ lengths: [1000, 24, 3000] })), { N: 4024 });
 * ```
 */
export function documents(options: DocumentsOptions): MaskFunction {
  checkCall("documents", isPlain(options) && Object.hasOwn(options, "ids") ? BY_ID : BY_LENGTH, arguments);
  const { ids, B } = "lengths" in options ? { ids: idsOf(options.lengths, options.N), B: 1 } : givenIds(options);
  const captured = capture(ids, { shape: B > 1 ? [B, ids.length / B] : [ids.length] });
  // One number a token where all are in documents: then one comparison does.
  const some = ids.some((id) => id < 0);
  return ({ b, q, k }) => {
    const [own, other] = B > 1 ? [captured.at(b, q), captured.at(b, k)] : [captured.at(q), captured.at(k)];
    return some ? own.eq(other).and(own.ge(0)) : own.eq(other);
  };
}

function idsOf(lengths: ArrayLike<number>, N: number | undefined): Int32Array {
  let total = 0;
  for (let i = 0; i < lengths.length; i++) {
    const length = lengths[i];
    if (!Number.isSafeInteger(length) || (length as number) < 0) throw wrong("lengths", i, length, "an integer from 0");
    total += length as number;
  }
  const tokens = N ?? total;
  if (total > tokens || tokens < 1 || tokens > 2 ** 28)
    throw new ConfigError("documents: lengths must fit the tokens", {
      details: [`lengths: ${total} tokens`, `N: ${tokens}; at most 2^28`],
      fix: "leave N out, or shorten the documents",
    });
  const ids = new Int32Array(tokens).fill(-1);
  for (let i = 0, at = 0; i < lengths.length; i++) {
    ids.fill(i, at, at + (lengths[i] as number));
    at += lengths[i] as number;
  }
  return ids;
}

function givenIds({ ids, B = 1 }: { readonly ids: ArrayLike<number>; readonly B?: number | undefined }): {
  readonly ids: Int32Array;
  readonly B: number;
} {
  if (ids.length === 0 || ids.length % B !== 0)
    throw new ConfigError("documents: ids must be one for each token of each batch row", {
      details: [`ids: ${ids.length}`, `B: ${B}`],
      fix: "pass B·N of them",
    });
  const checked = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    if (!Number.isInteger(id) || Math.abs(id as number) >= 2 ** 31) throw wrong("ids", i, id, "a 32-bit integer");
    checked[i] = id as number;
  }
  return { ids: checked, B };
}

const wrong = (name: string, i: number, value: unknown, allowed: string): ConfigError =>
  new ConfigError(`documents: ${name} are integers`, {
    details: [`${name}[${i}]: ${show(value)}; allowed: ${allowed}`],
  });

const PREFIX = {
  length: field.either<unknown, unknown>(
    field.nonNegativeInteger(2 ** 31 - 1),
    field.numbers(),
    "a number of tokens, or one for each batch row",
  ),
};

/**
 * The first tokens, the prefix, see each other in both directions; the others are causal. Lengths of batch rows are
 * data: others compile nothing anew.
 *
 * @param length - tokens of the prefix, or those of each batch row
 * @see Raffel et al., "Exploring the limits of transfer learning with a unified text-to-text transformer" (2020)
 */
export function prefixLM(length: number | ArrayLike<number>): MaskFunction {
  checkCall("prefixLM", PREFIX, arguments);
  const lengths = typeof length === "number" ? [length] : Array.from(length);
  for (const [i, each] of lengths.entries())
    if (!Number.isInteger(each) || each < 0 || each >= 2 ** 31)
      throw new ConfigError("prefixLM: length must be integers from 0", { details: [`length[${i}]: ${show(each)}`] });
  if (lengths.length === 0)
    throw new ConfigError("prefixLM: length must be a number, or one for each batch row", { details: ["length: []"] });
  const captured = capture(Int32Array.from(lengths));
  return ({ b, q, k }) => q.ge(k).or(k.lt(captured.at(lengths.length > 1 ? b : 0)));
}
