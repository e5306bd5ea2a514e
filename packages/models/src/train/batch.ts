import { type Device, type DType, type Shape, ShapeError, Tensor } from "@dilated/core";
import { checkTokenRange } from "../longnet-lm/tokens.ts";

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

/** Numbers on the host that become a tensor. */
export interface HostArray {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
  /** @defaultValue what the model computes in: "f32", or "f16" in mixed precision */
  readonly dtype?: DType;
}

/**
 * A batch as the loss gets it: `{ tokens, shape }` is an i32 tensor, `{ data, shape, dtype }` a tensor of that dtype, at any depth of
 * objects and arrays. Everything else (tensors, numbers, bare typed arrays) comes as it was given.
 */
export type OnDevice<B> = B extends Tensor
  ? B
  : B extends TokenArray | HostArray
    ? Tensor
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
  /** V, where the model says: tokens must be below. */
  readonly vocab?: number | undefined;
}

/**
 * Puts the host arrays of a batch onto the device; see {@link OnDevice}.
 *
 * @throws ShapeError for an array that does not fill its shape, LimitError for a token outside the vocabulary; both name it.
 */
export function batchToDevice<B>(device: Device, batch: B, { float = "f32", vocab }: BatchTarget = {}): OnDevice<B> {
  const put = (value: unknown, label: string): unknown => {
    if (value instanceof Tensor) return value;
    if (isTokens(value)) {
      if (vocab !== undefined) checkTokenRange(`train: ${label}`, value.tokens, vocab);
      return upload(device, value.tokens, value.shape, "i32", label);
    }
    if (isHostArray(value)) return upload(device, value.data, value.shape, value.dtype ?? float, label);
    if (Array.isArray(value)) return value.map((item, i) => put(item, `${label}[${i}]`));
    if (!isPlain(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, put(item, `${label}.${key}`)]));
  };
  return put(batch, "batch") as OnDevice<B>;
}

/**
 * What a batch counts for in a rate: predicted tokens, B·N, of all `{ tokens, shape }` in it; without any, the first axis of its first
 * array or tensor (samples).
 */
export function countOf(batch: unknown): number {
  const leaves = leavesOf(batch);
  const tokens = leaves.filter(isTokens);
  if (tokens.length > 0) return tokens.reduce((sum, { shape: [B = 1, length = 2] }) => sum + B * (length - 1), 0);
  return leaves[0]?.shape[0] ?? 1;
}

function upload(device: Device, values: ArrayLike<number>, shape: Shape, dtype: DType, label: string): Tensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  if (values.length !== size) {
    throw new ShapeError(
      `train: ${label} has ${values.length} values, and its shape [${shape.join(", ")}] holds ${size}`,
      {
        fix: "give as many values as the shape has elements",
      },
    );
  }
  return device.tensor(values, shape, { dtype, label });
}

function leavesOf(value: unknown): (Tensor | TokenArray | HostArray)[] {
  if (value instanceof Tensor || isTokens(value) || isHostArray(value)) return [value];
  return Array.isArray(value) || isPlain(value) ? Object.values(value).flatMap(leavesOf) : [];
}

function isTokens(value: unknown): value is TokenArray {
  return isPlain(value) && Array.isArray(value.shape) && isNumbers(value.tokens);
}

function isHostArray(value: unknown): value is HostArray {
  return isPlain(value) && Array.isArray(value.shape) && isNumbers(value.data);
}

function isNumbers(value: unknown): boolean {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
