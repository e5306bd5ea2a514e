import {
  ConfigError,
  checkOptions,
  DtypeError,
  type FieldsOf,
  field,
  LimitError,
  type Shape,
  ShapeError,
  sameShape,
  Tensor,
} from "@dilated/core";
import { type KeyMask, nextTokens } from "@dilated/kernels";
import { checkBounds, checkMask, cutMask } from "../layers/masks.ts";
import { KEY_MASK } from "../stack/forward-options.ts";

/** Sequences that a language model learns to continue, and what of them counts. */
export interface TokenInputs {
  /** [B, N + 1] (i32): inputs are the first N of each row, targets the last N. */
  readonly tokens: Tensor;
  /** [B, N + 1] (i32): the tokens again, with -100 (or -1) where nothing is to be learnt. @defaultValue tokens */
  readonly labels?: Tensor | undefined;
  /** [B, N + 1], or [B, N]; see `LossCall`. @defaultValue every token counts */
  readonly keyMask?: KeyMask | undefined;
  /** Boundaries of packed documents, from 0 to N + 1, or to N; see `LossCall`. @defaultValue one document */
  readonly cuSeqlens?: readonly number[] | Int32Array | undefined;
}

export const INPUTS: FieldsOf<TokenInputs> = {
  tokens: field.tensor(),
  labels: field.optional(field.tensor()),
  keyMask: KEY_MASK,
  cuSeqlens: field.optional(field.numbers()),
};

/** What a batch may be, in words. */
export const TOKEN_BATCH =
  'a Tensor: tokens [B, N + 1] of dtype "i32"; or an object of tokens, labels, keyMask, cuSeqlens';

/** What a forward pass over the inputs needs, and what it is to predict. */
export interface NextTokenCall {
  /** [B, N] */
  readonly inputs: Tensor;
  /** [B, N]; -1 where nothing is predicted. */
  readonly targets: Tensor;
  readonly keyMask: KeyMask | undefined;
  readonly cuSeqlens: readonly number[] | Int32Array | undefined;
}

/**
 * Takes a batch apart: every token but the first is a target, unless it is padding (or behind padding), starts a
 * packed document, or its label says so.
 *
 * @param options - masks may stand here or in the batch
 * @throws ShapeError, ConfigError before anything is queued.
 */
export function nextTokenCall(
  caller: string,
  batch: Tensor | TokenInputs,
  options: Pick<TokenInputs, "keyMask" | "cuSeqlens">,
): NextTokenCall {
  const given: TokenInputs = batch instanceof Tensor ? { tokens: batch } : batch;
  checkOptions(`${caller}: batch`, INPUTS, given);
  const { tokens, labels = tokens } = given;
  const [B = 1, length = 0] = tokens.shape;
  if (tokens.rank !== 2 || length < 2 || !sameShape(labels.shape, tokens.shape)) {
    throw new ShapeError(`${caller}: tokens and labels must be [B, N + 1] with N >= 1`, {
      details: [`tokens: ${String(tokens)}`, `labels: ${String(labels)}`],
      fix: "pass one more token than the context, and a label for each token",
    });
  }
  for (const [name, { dtype }] of Object.entries({ tokens, labels })) {
    if (dtype === "i32" || (dtype === "u32" && name === "labels")) continue;
    throw new DtypeError(`${caller}: ${name} must be i32`, {
      details: [`tokens: ${tokens}`, `labels: ${labels}`],
      fix: 'make them with device.tensor(ids, [B, N + 1], { dtype: "i32" })',
    });
  }
  const keyMask = oneOf(caller, "keyMask", given.keyMask, options.keyMask);
  const cuSeqlens = oneOf(caller, "cuSeqlens", given.cuSeqlens, options.cuSeqlens);
  checkMask(`${caller}: keyMask`, keyMask, B, [length, length - 1]);
  const last = cuSeqlens?.at(-1);
  checkBounds(caller, cuSeqlens, last === length - 1 ? length - 1 : length);
  const targets = nextTokens(labels, { keyMask, cuSeqlens });
  return {
    inputs: firstTokens(tokens, length - 1),
    targets,
    keyMask: keyMask && cutMask(keyMask, B, length - 1),
    cuSeqlens: cuSeqlens && [...cuSeqlens].filter((bound) => bound < length - 1).concat(length - 1),
  };
}

function oneOf<T>(caller: string, name: string, inBatch: T | undefined, inOptions: T | undefined): T | undefined {
  if (inBatch === undefined || inOptions === undefined) return inBatch ?? inOptions;
  throw new ConfigError(`${caller}: ${name} is given twice, in the batch and in the options`, { fix: "leave one out" });
}

/** tokens [B, L] -> the first N of each row, [B, N] */
function firstTokens(tokens: Tensor, N: number): Tensor {
  const { device, dtype } = tokens;
  const [B = 1, length = 0] = tokens.shape;
  const inputs = device.empty([B, N], { dtype, label: "tokens.inputs" });
  for (let b = 0; b < B; b++) device.copy(tokens, inputs, { from: b * length, to: b * N, count: N });
  return inputs;
}

/** Labels that stand for "nothing to learn here": ours, and PyTorch's. */
const IGNORED: readonly unknown[] = [-1, -100];

/**
 * @param allowed - "labels" may be ignored
 * @throws LimitError when a token is not in [0, vocab).
 */
export function checkTokenRange(
  caller: string,
  tokens: ArrayLike<number>,
  vocab: number,
  allowed: "tokens" | "labels" = "tokens",
): void {
  for (let i = 0; i < tokens.length; i++) {
    const given = tokens[i] as number | bigint;
    const token = typeof given === "bigint" ? Number(given) : given;
    if (
      !(Number.isInteger(token) && token >= 0 && token < vocab) &&
      !(allowed === "labels" && IGNORED.includes(token))
    ) {
      throw new LimitError(`${caller}: token ${token} at position ${i} is outside the vocabulary`, {
        details: [`vocabulary: 0 to ${vocab - 1}${allowed === "labels" ? ", and -100 or -1 for no target" : ""}`],
        fix: "use the tokenizer that the model was made for",
      });
    }
  }
}

/** Targets of a row-major batch [B, L] that count, as `nextTokens` has them. */
export function countTargets({
  shape: [B = 1, length = 2],
  labels,
  keyMask,
  cuSeqlens = [],
}: {
  readonly shape: Shape;
  readonly labels?: ArrayLike<number> | undefined;
  readonly keyMask?: ArrayLike<number | boolean> | undefined;
  readonly cuSeqlens?: readonly number[] | Int32Array | undefined;
}): number {
  if (!labels && !keyMask && cuSeqlens.length === 0) return B * (length - 1);
  const starts = new Set<number>([...cuSeqlens].slice(0, -1));
  const masked = keyMask ? keyMask.length / B : 0;
  const real = (b: number, n: number): boolean => !keyMask || Boolean(keyMask[b * masked + Math.min(n, masked - 1)]);
  let count = 0;
  for (let b = 0; b < B; b++) {
    for (let n = 1; n < length; n++) {
      if (labels && IGNORED.includes(Number(labels[b * length + n]))) continue;
      if (!starts.has(n) && real(b, n - 1) && real(b, n)) count++;
    }
  }
  return count;
}
