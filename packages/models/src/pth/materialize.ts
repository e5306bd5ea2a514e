import { BYTES, LimitError, type SafeTensor, sizeOf } from "@dilated/core";
import type { Parts } from "../parts.ts";
import { bad, quote } from "./errors.ts";
import type { PthStorage, PthTensor } from "./values.ts";

type Data = SafeTensor["data"];

/** Elements that are converted between two chances of a pause: some milliseconds. */
const PART = 2 ** 18;

/**
 * Turns tensors of a file into contiguous arrays of our types, of at most `maxBytes` in all; the same view, asked for
 * twice, is one array. Stops within long ones.
 */
export function openMaterializer(maxBytes: number): (tensor: PthTensor, name: string) => Parts<SafeTensor> {
  let left = maxBytes;
  const done = new Map<PthStorage, Map<string, Data>>();
  const aligned = new Map<PthStorage, ArrayLike<number | bigint>>();

  const spend = (bytes: number, name: string): void => {
    left -= bytes;
    if (left >= 0) return;
    throw new LimitError(`readPth: tensor ${quote(name)} takes ${bytes} bytes`, {
      details: [`limit for all tensors together: ${maxBytes} bytes; left: ${left + bytes}`],
      fix: "raise maxBytes, or leave tensors out with filter",
    });
  };

  return function* (tensor, name) {
    const { storage, offset, shape, stride } = tensor;
    const { dtype } = storage.type;
    const views = done.get(storage) ?? new Map<string, Data>();
    done.set(storage, views);
    const key = [offset, ...shape, ...stride].join();
    const known = views.get(key);
    if (known) return { dtype, shape, data: known };
    let raw = aligned.get(storage);
    if (!raw) {
      raw = viewOf(storage, (bytes) => spend(bytes, name));
      aligned.set(storage, raw);
    }
    const size = sizeOf(shape);
    const whole = !storage.type.convert && isContiguous(shape, stride);
    if (!whole) spend(size * BYTES[dtype], name);
    const data = whole
      ? (raw as Data).subarray(size && offset, size && offset + size)
      : yield* gather(raw, tensor, size, name);
    views.set(key, data);
    return { dtype, shape, data };
  };
}

/** The storage's elements: a view of the file, or a copy where its address does not allow one. */
function viewOf({ type, bytes, numel }: PthStorage, spend: (bytes: number) => void): ArrayLike<number | bigint> {
  if (bytes.byteOffset % type.width === 0) return type.view(bytes.buffer, bytes.byteOffset, numel);
  spend(bytes.length);
  return type.view(new Uint8Array(bytes).buffer, 0, numel); // slice() of Node's Buffer is no copy
}

function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== step) return shape.includes(0);
    step *= shape[axis] as number;
  }
  return true;
}

const ARRAYS = { f32: Float32Array, f16: Uint16Array, i32: Int32Array, u32: Uint32Array } as const;

/** Elements in row-major order, converted. */
function* gather(raw: ArrayLike<number | bigint>, tensor: PthTensor, size: number, name: string): Parts<Data> {
  const { convert = (element: number) => element, dtype } = tensor.storage.type;
  const read = convert as (element: number | bigint) => number;
  const out = new ARRAYS[dtype](size);
  // Axes of one element are left out, so that the odometer's carries cost O(1) an element.
  const axes = tensor.shape
    .flatMap((length, i) => (length === 1 ? [] : [{ length, step: tensor.stride[i] as number }]))
    .reverse();
  const index = axes.map(() => 0);
  let at = tensor.offset;
  for (let i = 0; i < size; i++) {
    if (i % PART === PART - 1) yield;
    const value = read(raw[at] as number | bigint);
    out[i] = value;
    if (dtype === "i32" && out[i] !== value)
      throw bad(`tensor ${quote(name)} holds ${value}, which is no 32-bit integer`, "leave it out with filter");
    for (const [axis, { length, step }] of axes.entries()) {
      at += step;
      index[axis] = (index[axis] as number) + 1;
      if (index[axis] !== length) break;
      at -= step * length;
      index[axis] = 0;
    }
  }
  return out;
}
