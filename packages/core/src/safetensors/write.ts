import { ConfigError, DtypeError, FormatError, ShapeError } from "../errors/index.ts";
import { quote } from "../errors/quote.ts";
import type { OwnBytes } from "../foreign/types.ts";
import { eventLoopPauses } from "../platform/pauses.ts";
import type { DType } from "../tensor/dtype.ts";
import { checkList, encode } from "../tensor/encoding.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import { HEADER_MAX } from "./header.ts";
import { STORED_FORMS, type StoredType } from "./stored-types.ts";

/** A tensor to write. f16: raw words in a Uint16Array, or numbers, which are rounded to nearest even. */
export interface TensorToWrite {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/** A tensor to write as its bytes stand, in any type of the format: what {@link readSafetensors} gives as `stored`, `shape` and `bytes`. */
export interface StoredToWrite {
  readonly stored: StoredType;
  readonly shape: Shape;
  /** Little-endian. */
  readonly bytes: Uint8Array;
}

const STORED: Readonly<Record<DType, StoredType>> = { f32: "F32", f16: "F16", i32: "I32", u32: "U32" };

/** Tensors by name: a Map, other pairs, or an object. */
export type TensorsToWrite =
  | Iterable<readonly [string, TensorToWrite | StoredToWrite]>
  | Readonly<Record<string, TensorToWrite | StoredToWrite>>;

/** Bytes that are copied, or values that are converted, between two chances of a pause: some milliseconds. */
const PART = { bytes: 2 ** 23, values: 2 ** 19 } as const;

/**
 * The bytes of a safetensors file. The same tensors and metadata give the same bytes, in whatever order they come: wide types first, then by name.
 *
 * It copies every tensor before it returns, and rounds f16 that is given as numbers: tens of milliseconds for 100 MB,
 * and some for a million numbers. {@link encodeSafetensors} lets the event loop in meanwhile.
 *
 * @param tensors - by name: a Map, other pairs, or an object
 * @param metadata - strings by name
 * @throws ShapeError when an array does not fill its shape; DtypeError for numbers that the dtype cannot hold; FormatError for a reserved or repeated name, or a header over 100 MB.
 */
export function writeSafetensors(tensors: TensorsToWrite, metadata: Readonly<Record<string, string>> = {}): OwnBytes {
  const parts = partsOf(tensors, metadata);
  let part = parts.next();
  while (!part.done) part = parts.next();
  return part.value;
}

/**
 * {@link writeSafetensors} that lets timers, frames and signals have their turn. The arrays must not change until it
 * resolves.
 *
 * @throws as `writeSafetensors`
 */
export async function encodeSafetensors(
  tensors: TensorsToWrite,
  metadata: Readonly<Record<string, string>> = {},
): Promise<OwnBytes> {
  const pause = eventLoopPauses();
  const parts = partsOf(tensors, metadata);
  for (let part = parts.next(); ; part = parts.next()) {
    if (part.done) return part.value;
    await pause();
  }
}

/** Makes the file; stops after each part of the work. */
function* partsOf(tensors: TensorsToWrite, metadata: Readonly<Record<string, string>>): Generator<void, OwnBytes> {
  if (!isObject(tensors) || !isObject(metadata)) throw notTensors(isObject(tensors) ? metadata : tensors);
  const pairs = Symbol.iterator in tensors ? [...tensors] : Object.entries(tensors);
  const sorted: (readonly [string, StoredToWrite])[] = [];
  for (const [name, tensor] of pairs) sorted.push([name, yield* toStored(name, tensor)]);
  sorted.sort(([a, x], [b, y]) => STORED_FORMS[y.stored].width - STORED_FORMS[x.stored].width || compare(a, b));
  const header: [string, unknown][] = [];
  const notes = Object.entries(metadata).sort(([a], [b]) => compare(a, b));
  const names = new Set(["__metadata__"]);
  if (notes.length > 0) header.push(["__metadata__", fromEntries(notes)]);
  let at = 0;
  for (const [name, { stored, shape, bytes }] of sorted) {
    if (names.has(name))
      throw new FormatError(
        `writeSafetensors: the name "${name}" is ${name === "__metadata__" ? "reserved" : "given twice"}`,
        { fix: "rename the tensor" },
      );
    names.add(name);
    const end = at + bytes.length;
    header.push([name, { dtype: stored, shape, data_offsets: [at, end] }]);
    at = end;
  }
  return yield* assemble(new TextEncoder().encode(JSON.stringify(fromEntries(header))), at, sorted);
}

function* toStored(name: string, tensor: TensorToWrite | StoredToWrite): Generator<void, StoredToWrite> {
  const caller = `writeSafetensors: tensor ${quote(name)}`;
  if (!isObject(tensor)) throw notTensors(tensor);
  const { shape } = tensor;
  checkShape(caller, shape);
  const known = "data" in tensor ? STORED[tensor.dtype] : tensor.stored;
  if (!Object.hasOwn(STORED_FORMS, known ?? "")) {
    throw new DtypeError(`${caller} has an unknown type`, {
      details: [`given: ${quote("data" in tensor ? tensor.dtype : tensor.stored)}`],
      fix: "use { dtype, shape, data } or { stored, shape, bytes }",
    });
  }
  if ("data" in tensor) checkList(caller, tensor.data);
  const width = STORED_FORMS[known].width;
  const length = "data" in tensor ? tensor.data.length : tensor.bytes.length / width;
  if (length !== sizeOf(shape)) {
    throw new ShapeError(`${caller} has ${length} values`, {
      details: [`shape ${formatShape(shape)} holds ${sizeOf(shape)}`],
    });
  }
  return { stored: known, shape, bytes: "data" in tensor ? yield* encodeParts(caller, tensor) : tensor.bytes };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function notTensors(given: unknown): ConfigError {
  return new ConfigError("writeSafetensors takes tensors by name, and strings by name", {
    details: [`given: ${quote(given)}`],
    fix: "pass { name: { dtype, shape, data } }",
  });
}

/** Only what `data()` gives is long and has to be converted: f16 that was widened. */
function* encodeParts(caller: string, { dtype, data }: TensorToWrite): Generator<void, Uint8Array> {
  yield;
  if (dtype !== "f16" || !(data instanceof Float32Array)) return encode(caller, dtype, data);
  const bytes = new Uint8Array(2 * data.length);
  for (let at = 0; at < data.length; at += PART.values) {
    bytes.set(encode(caller, dtype, data.subarray(at, at + PART.values)), 2 * at);
    yield;
  }
  return bytes;
}

/** Length, header padded with spaces so that the data starts at a multiple of 8, data. */
function* assemble(
  json: Uint8Array,
  dataBytes: number,
  tensors: readonly (readonly [string, StoredToWrite])[],
): Generator<void, OwnBytes> {
  const length = Math.ceil(json.length / 8) * 8;
  if (length > HEADER_MAX)
    throw new FormatError(
      `writeSafetensors: the header would have ${length} bytes; at most ${HEADER_MAX} are allowed`,
      { fix: "write several files" },
    );
  const file = new Uint8Array(8 + length + dataBytes).fill(0x20, 8, 8 + length);
  new DataView(file.buffer).setUint32(0, length, true);
  file.set(json, 8);
  let at = 8 + length;
  for (const [, { bytes }] of tensors) {
    for (let from = 0; from < bytes.length; from += PART.bytes) {
      file.set(bytes.subarray(from, from + PART.bytes), at + from);
      yield;
    }
    at += bytes.length;
  }
  return file;
}

/** Keeps `__proto__` an ordinary name, which assignment would not. */
function fromEntries(entries: readonly [string, unknown][]): object {
  return Object.fromEntries(entries);
}

/** By UTF-16 units: the same in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
