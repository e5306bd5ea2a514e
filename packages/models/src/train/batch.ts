import {
  BYTES,
  ConfigError,
  checkArgument,
  checkOptions,
  checkShape,
  type Device,
  DilatedError,
  type DType,
  type FieldsOf,
  field,
  isPlain,
  type Shape,
  ShapeError,
  sizeOf,
  Tensor,
} from "@dilated/core";
import { checkTokenRange, countTargets, type TokenInputs } from "../longnet-lm/tokens.ts";

/** Token ids on the host. */
export interface TokenBatch {
  readonly tokens: ArrayLike<number>;
  /** [B, N + 1]: one more token than the context, so that every input has a target. */
  readonly shape: readonly [number, number];
}

/** Token ids on the host, of any rank: such as labels, one a sequence. */
export interface TokenArray {
  readonly tokens: ArrayLike<number>;
  readonly shape: Shape;
}

/**
 * {@link TokenBatch}, and what of it counts: a loss gets an object of tensors, {@link TokenInputs}. What each means,
 * `CausalModel.loss` says.
 */
export interface MaskedTokenBatch extends TokenBatch {
  /**
   * B·(N + 1) values, row by row: the tokens again, with -100 (or -1) where nothing is to be learnt. @defaultValue
   * tokens
   */
  readonly labels?: ArrayLike<number> | undefined;
  /** B·(N + 1) values, one a token (or B·N, one an input): 0 is padding. @defaultValue every token counts */
  readonly keyMask?: ArrayLike<number | boolean> | undefined;
  /** Boundaries of documents packed along N, from 0 to N + 1 (or to N). @defaultValue one document */
  readonly cuSeqlens?: readonly number[] | Int32Array | undefined;
}

/** Numbers on the host that become a tensor. */
export interface HostArray {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
  /** @defaultValue what the model computes in: "f32", or "f16" in mixed precision */
  readonly dtype?: DType;
}

/**
 * A batch as the loss gets it: `{ tokens, shape }` is an i32 tensor, and with `labels`, `keyMask` or `cuSeqlens` in it
 * a {@link TokenInputs};
 * `{ data, shape, dtype }` is a tensor of that dtype, at any depth of objects and arrays. Everything else (tensors,
 * numbers, bare typed arrays) comes as it was given.
 */
export type OnDevice<B> = B extends Tensor
  ? B
  : B extends TokenArray | HostArray
    ? Extract<keyof B, keyof MaskedTokenBatch> extends keyof TokenBatch
      ? Tensor
      : Tensor | TokenInputs
    : B extends ArrayBufferView | ((...args: never) => unknown)
      ? B
      : B extends object
        ? { readonly [K in keyof B]: OnDevice<B[K]> }
        : B;

/**
 * The batch of a step (of a micro-batch, where gradients are accumulated), counted from 0. A function of that number alone, so that a resumed
 * run sees the same data. Tensors inside belong to the caller, who may give the same ones again; what is made from host arrays `train` frees.
 */
export type Batches<B = TokenBatch> = (step: number) => B | Promise<B>;

/** How a batch is put onto the device. */
export interface BatchTarget {
  /** Dtype of arrays that name none. @defaultValue "f32" */
  readonly float?: DType;
  /** V of the tokens at a path of the batch, where the model says: they must be below. */
  readonly vocabAt?: ((path: string) => number | undefined) | undefined;
}

const values = field.optional(field.numbers());
const TOKENS: FieldsOf<Required<MaskedTokenBatch>> = {
  tokens: field.numbers(),
  shape: field.shape(),
  labels: values,
  keyMask: values,
  cuSeqlens: values,
};
const ARRAY: FieldsOf<Required<HostArray>> = {
  data: field.numbers(),
  shape: field.shape(),
  dtype: field.optional(field.oneOf(Object.keys(BYTES) as DType[])),
};

/**
 * Puts the host arrays of a batch onto the device; see {@link OnDevice}.
 *
 * @throws ConfigError for a field that {@link MaskedTokenBatch} or {@link HostArray} does not have: a misspelt mask
 * must not pass silently. ShapeError for an array that does not fill its shape, LimitError for a token or a label
 * outside the vocabulary; both name it, before anything is queued.
 */
export function batchToDevice<B>(device: Device, batch: B, { float = "f32", vocabAt }: BatchTarget = {}): OnDevice<B> {
  checkArrays(batch, vocabAt);
  const put = (value: unknown, label: string): unknown => {
    if (value instanceof Tensor) return value;
    if (isTokens(value)) return putTokens(device, value, label);
    if (isHostArray(value)) return upload(device, value.data, value.shape, value.dtype ?? float, label);
    if (Array.isArray(value)) return value.map((item, i) => put(item, `${label}[${i}]`));
    if (!isPlain(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, put(item, `${label}.${key}`)]));
  };
  return put(batch, "batch") as OnDevice<B>;
}

/**
 * Refuses a batch that holds itself, before anything goes through it.
 *
 * @throws ConfigError
 */
export function checkBatch(caller: string, batch: unknown): void {
  const visit = (value: unknown, path: string, within: readonly unknown[]): void => {
    if (value instanceof Tensor) return;
    if (isTokens(value)) {
      for (const name of ["labels", "keyMask", "cuSeqlens"] as const)
        checkArgument(caller, `${path}.${name}`, numbers, value[name] === undefined ? [] : value[name]);
      return checkFilled(path, value.tokens, value.shape);
    }
    if (isHostArray(value)) return checkFilled(path, value.data, value.shape);
    if (!Array.isArray(value) && !isPlain(value)) return;
    if (within.includes(value) || !(isPlain(value) || numbers.test(value)))
      throw new ConfigError(`${caller} holds itself, or a list without end`, { fix: "pass arrays and tensors" });
    if (typeof value[0 as never] === "number") return; // a list of numbers
    for (const [key, item] of Object.entries(value)) visit(item, `${path}.${key}`, [...within, value]);
  };
  try {
    visit(batch, "batch", []);
  } catch (cause) {
    if (DilatedError.is(cause)) throw cause;
    throw new ConfigError(`${caller} cannot be read`, { cause, fix: "pass arrays and tensors" });
  }
}

/** Looks at every field, token and label of a batch before any of it is uploaded. */
function checkArrays(batch: unknown, vocabAt: BatchTarget["vocabAt"]): void {
  const check = (value: unknown, path: string): void => {
    const label = path === "" ? "batch" : `batch.${path}`;
    if (value instanceof Tensor) return;
    const vocab = vocabAt?.(path);
    if (isTokens(value)) {
      checkOptions(`train: ${label}`, TOKENS, value);
      if (vocab === undefined) return;
      checkTokenRange(`train: ${label}`, value.tokens, vocab);
      if (value.labels) checkTokenRange(`train: ${label}.labels`, value.labels, vocab, "labels");
    } else if (isHostArray(value)) {
      checkOptions(`train: ${label}`, ARRAY, value);
      // Elsewhere integers may be anything: labels, places.
      const tokens = ["", "source", "target"].includes(path) && (value.dtype === "i32" || value.dtype === "u32");
      if (vocab !== undefined && tokens) {
        checkTokenRange(`train: ${label}`, value.data, vocab);
      }
    } else if (Array.isArray(value) || isPlain(value)) {
      for (const [key, item] of Object.entries(value)) check(item, path === "" ? key : `${path}.${key}`);
    }
  };
  check(batch, "");
}

/** Tokens alone, or with what of them counts. */
function putTokens(device: Device, batch: MaskedTokenBatch, label: string): Tensor | TokenInputs {
  const { tokens, labels, shape, keyMask, cuSeqlens } = batch;
  const ids = upload(device, tokens, shape, "i32", label);
  if (!isMasked(batch)) return ids;
  return {
    tokens: ids,
    labels: labels && upload(device, labels, shape, "i32", `${label}.labels`),
    keyMask,
    cuSeqlens,
  };
}

function isMasked(batch: MaskedTokenBatch): boolean {
  return batch.labels !== undefined || batch.keyMask !== undefined || batch.cuSeqlens !== undefined;
}

/**
 * What a batch counts for in a rate: predicted tokens of all `{ tokens, shape }` in it (B·N, without those that are
 * masked); without any, the first axis of
 * its first array or tensor (samples).
 */
export function countOf(batch: unknown): number {
  const leaves = leavesOf(batch);
  const tokens = leaves.filter(isTokens);
  if (tokens.length > 0) return tokens.reduce((sum, one) => sum + countTargets(one), 0);
  return leaves[0]?.shape[0] ?? 1;
}

function upload(device: Device, values: ArrayLike<number>, shape: Shape, dtype: DType, label: string): Tensor {
  checkFilled(label, values, shape);
  return device.tensor(values, shape, { dtype, label });
}

function checkFilled(label: string, values: ArrayLike<number>, shape: Shape): void {
  checkShape(`train: ${label}`, shape);
  if (values.length === sizeOf(shape)) return;
  throw new ShapeError(
    `train: ${label} has ${values.length} values, and its shape [${shape.join(", ")}] holds ${sizeOf(shape)}`,
    { fix: "give as many values as the shape has elements" },
  );
}

function leavesOf(value: unknown): (Tensor | MaskedTokenBatch | HostArray)[] {
  if (value instanceof Tensor || isTokens(value) || isHostArray(value)) return [value];
  return Array.isArray(value) || isPlain(value) ? Object.values(value).flatMap(leavesOf) : [];
}

function isTokens(value: unknown): value is MaskedTokenBatch {
  return isPlain(value) && shapes.test(value.shape) && isNumbers(value.tokens);
}

function isHostArray(value: unknown): value is HostArray {
  return isPlain(value) && shapes.test(value.shape) && isNumbers(value.data);
}

const numbers = field.numbers();
const shapes = field.shape();

function isNumbers(value: unknown): boolean {
  return numbers.test(value);
}
