import { checkArgument, checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { isPlain } from "../config/plain.ts";
import { reading } from "../config/validate.ts";
import { ConfigError, DtypeError, FormatError, ShapeError } from "../errors/index.ts";
import { quote } from "../errors/quote.ts";
import type { OwnBytes } from "../foreign/types.ts";
import { pauses } from "../platform/pauses.ts";
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

const ARGUMENTS = {
  tensors: field.custom(
    "tensors by name: a Map, other pairs, or an object",
    (value) => isPlain(value) || (isObject(value) && Symbol.iterator in value && !ArrayBuffer.isView(value)),
  ),
  metadata: field.optional(field.record(field.string())),
};

/** What else there is to say of its fields is said with the caller's name for it. */
const TENSOR = field.custom("{ dtype, shape, data } or { stored, shape, bytes }", (value) => {
  if (!isObject(value)) return false;
  const { shape, data, dtype, stored, bytes } = value as Partial<TensorToWrite & StoredToWrite>;
  if (shape === undefined) return false;
  if ("data" in value) return typeof dtype === "string" && data !== undefined;
  return typeof stored === "string" && bytes instanceof Uint8Array;
});

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
  checkCall("writeSafetensors", ARGUMENTS, arguments);
  const parts = partsOf("writeSafetensors", tensors, metadata);
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
  checkCall("encodeSafetensors", ARGUMENTS, arguments);
  const pause = pauses();
  const parts = partsOf("encodeSafetensors", tensors, metadata);
  for (let part = parts.next(); ; part = parts.next()) {
    if (part.done) return part.value;
    await pause();
  }
}

/** Makes the file; stops after each part of the work. */
function* partsOf(
  caller: string,
  tensors: TensorsToWrite,
  metadata: Readonly<Record<string, string>>,
): Generator<void, OwnBytes> {
  const pairs: Iterable<unknown> =
    Symbol.iterator in tensors ? tensors : reading(caller, "tensors", () => Object.entries(tensors));
  const sorted: (readonly [string, StoredToWrite])[] = [];
  // One by one: of a list of 2^32 holes, the first is refused.
  for (const pair of pairs) {
    if (!isPair(pair)) throw notTensors(caller, pair);
    sorted.push([pair[0], yield* toStored(caller, ...pair)]);
  }
  sorted.sort(([a, x], [b, y]) => STORED_FORMS[y.stored].width - STORED_FORMS[x.stored].width || compare(a, b));
  const header: [string, unknown][] = [];
  const notes = Object.entries(metadata).sort(([a], [b]) => compare(a, b));
  const names = new Set(["__metadata__"]);
  if (notes.length > 0) header.push(["__metadata__", fromEntries(notes)]);
  let at = 0;
  for (const [name, { stored, shape, bytes }] of sorted) {
    if (names.has(name))
      throw new FormatError(
        `${caller}: the name "${name}" is ${name === "__metadata__" ? "reserved" : "given twice"}`,
        { fix: "rename the tensor" },
      );
    names.add(name);
    const end = at + bytes.length;
    header.push([name, { dtype: stored, shape, data_offsets: [at, end] }]);
    at = end;
  }
  return yield* assemble(caller, new TextEncoder().encode(JSON.stringify(fromEntries(header))), at, sorted);
}

function* toStored(of: string, name: string, tensor: TensorToWrite | StoredToWrite): Generator<void, StoredToWrite> {
  const caller = `${of}: tensor ${quote(name)}`;
  checkArgument(of, `tensor ${quote(name)}`, TENSOR, tensor);
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

function isPair(value: unknown): value is readonly [string, TensorToWrite | StoredToWrite] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "string";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function notTensors(caller: string, given: unknown): ConfigError {
  return new ConfigError(`${caller}: tensors must be given by name`, {
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
  caller: string,
  json: Uint8Array,
  dataBytes: number,
  tensors: readonly (readonly [string, StoredToWrite])[],
): Generator<void, OwnBytes> {
  const length = Math.ceil(json.length / 8) * 8;
  if (length > HEADER_MAX)
    throw new FormatError(`${caller}: the header would have ${length} bytes; at most ${HEADER_MAX} are allowed`, {
      fix: "write several files",
    });
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
