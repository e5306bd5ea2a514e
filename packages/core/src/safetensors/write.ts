import { FormatError, ShapeError } from "../errors/index.ts";
import type { OwnBytes } from "../foreign/types.ts";
import { BYTES, type DType } from "../tensor/dtype.ts";
import { encode } from "../tensor/encoding.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import { HEADER_MAX, type StoredType } from "./header.ts";

/** A tensor to write. f16: raw words in a Uint16Array, or numbers, which are rounded to nearest even. */
export interface TensorToWrite {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

const STORED: Readonly<Record<DType, StoredType>> = { f32: "F32", f16: "F16", i32: "I32", u32: "U32" };

/**
 * The bytes of a safetensors file. The same tensors and metadata give the same bytes, in whatever order they come: wide types first, then by name.
 *
 * @param tensors - by name: a Map, other pairs, or an object
 * @param metadata - strings by name
 * @throws ShapeError when an array does not fill its shape; FormatError for a reserved or repeated name, or a header over 100 MB.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, TensorToWrite]> | Readonly<Record<string, TensorToWrite>>,
  metadata: Readonly<Record<string, string>> = {},
): OwnBytes {
  const pairs = Symbol.iterator in tensors ? [...tensors] : Object.entries(tensors);
  const sorted = pairs.sort(([a, x], [b, y]) => BYTES[y.dtype] - BYTES[x.dtype] || compare(a, b));
  const header: [string, unknown][] = [];
  const notes = Object.entries(metadata).sort(([a], [b]) => compare(a, b));
  const names = new Set(["__metadata__"]);
  if (notes.length > 0) header.push(["__metadata__", fromEntries(notes)]);
  let at = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    checkShape(`writeSafetensors: tensor "${name}"`, shape);
    if (names.has(name))
      throw new FormatError(
        `writeSafetensors: the name "${name}" is ${name === "__metadata__" ? "reserved" : "given twice"}`,
        { fix: "rename the tensor" },
      );
    names.add(name);
    if (data.length !== sizeOf(shape)) {
      throw new ShapeError(`writeSafetensors: tensor "${name}" has ${data.length} values`, {
        details: [`shape ${formatShape(shape)} holds ${sizeOf(shape)}`],
      });
    }
    const end = at + data.length * BYTES[dtype];
    header.push([name, { dtype: STORED[dtype], shape, data_offsets: [at, end] }]);
    at = end;
  }
  return assemble(new TextEncoder().encode(JSON.stringify(fromEntries(header))), at, sorted);
}

/** Length, header padded with spaces so that the data starts at a multiple of 8, data. */
function assemble(
  json: Uint8Array,
  dataBytes: number,
  tensors: readonly (readonly [string, TensorToWrite])[],
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
  for (const [, { dtype, data }] of tensors) {
    const bytes = encode(dtype, data);
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
