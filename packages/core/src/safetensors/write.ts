import { DtypeError, FormatError, ShapeError } from "../errors/index.ts";
import { quote } from "../errors/quote.ts";
import type { OwnBytes } from "../foreign/types.ts";
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

/**
 * The bytes of a safetensors file. The same tensors and metadata give the same bytes, in whatever order they come: wide types first, then by name.
 *
 * @param tensors - by name: a Map, other pairs, or an object
 * @param metadata - strings by name
 * @throws ShapeError when an array does not fill its shape; DtypeError for numbers that the dtype cannot hold; FormatError for a reserved or repeated name, or a header over 100 MB.
 */
export function writeSafetensors(
  tensors:
    | Iterable<readonly [string, TensorToWrite | StoredToWrite]>
    | Readonly<Record<string, TensorToWrite | StoredToWrite>>,
  metadata: Readonly<Record<string, string>> = {},
): OwnBytes {
  const pairs = Symbol.iterator in tensors ? [...tensors] : Object.entries(tensors);
  const sorted = pairs
    .map(([name, tensor]) => [name, toStored(name, tensor)] as const)
    .sort(([a, x], [b, y]) => STORED_FORMS[y.stored].width - STORED_FORMS[x.stored].width || compare(a, b));
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
  return assemble(new TextEncoder().encode(JSON.stringify(fromEntries(header))), at, sorted);
}

function toStored(name: string, tensor: TensorToWrite | StoredToWrite): StoredToWrite {
  const caller = `writeSafetensors: tensor ${quote(name)}`;
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
  return { stored: known, shape, bytes: "data" in tensor ? encode(caller, tensor.dtype, tensor.data) : tensor.bytes };
}

/** Length, header padded with spaces so that the data starts at a multiple of 8, data. */
function assemble(
  json: Uint8Array,
  dataBytes: number,
  tensors: readonly (readonly [string, StoredToWrite])[],
): OwnBytes {
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
    file.set(bytes, at);
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
