import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { FormatError } from "../errors/index.ts";
import { quote } from "../errors/quote.ts";
import { pauses } from "../platform/pauses.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Shape } from "../tensor/shape.ts";
import { type Header, readHeader, type TensorEntry } from "./header.ts";
import { STORED_FORMS, type StoredForm, type StoredType } from "./stored-types.ts";
import { TensorMap } from "./tensor-map.ts";

const MADE_AT_ONCE = 2 ** 14;
const ARGUMENTS = { bytes: field.bytes() };

/** A tensor on the host, ready for `device.tensor(data, shape, { dtype })`. */
export interface SafeTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  /** f16: raw half-precision words. */
  readonly data: Float32Array | Uint16Array | Int32Array | Uint32Array;
}

/** A tensor of a file. What is stored in another type than ours is converted when `data` is asked for, and stays as it is in `bytes`. */
export interface StoredTensor extends SafeTensor {
  /** Type in the file: F32, F16, BF16, I64, BOOL, F8_E4M3, … */
  readonly stored: string;
  /** As stored, little-endian: a view of the file. */
  readonly bytes: Uint8Array;
}

/** What a safetensors file holds. */
export interface SafetensorsFile {
  readonly metadata: Record<string, string>;
  /** In the order of the header. */
  readonly tensors: Map<string, StoredTensor>;
}

/**
 * Reads a safetensors file. F32, F16, I32 and U32 come as they are, as views of `bytes` where the alignment allows; BF16, F8_E4M3, F8_E5M2 and F64 become f32
 * (F64 rounded); I8, I16 and I64 become i32; U8, U16, U64 and BOOL become u32. A type that is none of these can be taken as `bytes`.
 *
 * The header may have up to 100 MB, as in the reference implementation; it takes about 5 times its length in memory
 * while it is read.
 *
 * Synchronous: the header takes seconds at its largest, and `data` of a stored type that is none of ours some
 * milliseconds a million values. {@link decodeSafetensors} pauses within the header, `readModel` between tensors, too.
 *
 * @throws FormatError for anything but a well-formed file; a file from a stranger can do nothing else. `data` of a tensor throws it where a 64-bit
 * integer does not fit 32 bits, and for a type that nothing here holds.
 * @see https://github.com/huggingface/safetensors#format
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  checkCall("readSafetensors", ARGUMENTS, arguments);
  const parts = partsOf(bytes);
  let part = parts.next();
  while (!part.done) part = parts.next();
  return part.value;
}

/**
 * {@link readSafetensors} that lets timers, frames and signals have their turn while it reads the header: seconds for a
 * million tensors, of which the decoding of its text, tenths of a second at 100 MB, is one step. The bytes must not
 * change until it resolves.
 *
 * @throws as `readSafetensors`
 */
export async function decodeSafetensors(bytes: Uint8Array): Promise<SafetensorsFile> {
  checkCall("decodeSafetensors", ARGUMENTS, arguments);
  const pause = pauses();
  const parts = partsOf(bytes);
  for (let part = parts.next(); ; part = parts.next()) {
    if (part.done) return part.value;
    await pause();
  }
}

/** Reads the header, and makes what is a view of the file; stops after each part of the work. */
function* partsOf(bytes: Uint8Array): Generator<void, SafetensorsFile> {
  const tensors: TensorMap = new TensorMap((name, i) => {
    const entry = header.entry(i);
    return openTensor(name, bytes.subarray(header.dataStart + entry.begin, header.dataStart + entry.end), entry);
  });
  const header: Header = yield* readHeader(bytes, tensors.numbers);
  // As many as any model has: a Map of them can be sent to another thread, which sees what it holds and not what `get`
  // gives.
  if (tensors.size <= MADE_AT_ONCE) for (const name of tensors.keys()) tensors.get(name);
  return { metadata: header.metadata, tensors };
}

function openTensor(name: string, bytes: Uint8Array, { stored, shape }: TensorEntry): StoredTensor {
  const form: StoredForm | undefined = Object.hasOwn(STORED_FORMS, stored)
    ? STORED_FORMS[stored as StoredType]
    : undefined;
  let data: SafeTensor["data"] | undefined;
  return {
    dtype: form?.dtype ?? "u32",
    shape,
    stored,
    bytes,
    get data() {
      data ??= dataOf(name, stored, bytes, form);
      return data;
    },
  };
}

const ARRAYS = { f32: Float32Array, f16: Uint16Array, i32: Int32Array, u32: Uint32Array } as const;

function dataOf(name: string, stored: string, bytes: Uint8Array, form: StoredForm | undefined): SafeTensor["data"] {
  if (!form) {
    throw new FormatError(
      `readSafetensors: tensor ${quote(name)} is stored as ${quote(stored)}, which no dtype here holds`,
      {
        details: [`converted on request: ${Object.keys(STORED_FORMS).join(", ")}`],
        fix: "decode its `bytes`",
      },
    );
  }
  const { width, dtype, view, convert } = form;
  const { buffer, byteOffset, length } = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes); // slice() of Node's Buffer is no copy
  const raw = view(buffer, byteOffset, length / width);
  if (!convert) return raw as SafeTensor["data"];
  const read = convert as (element: number | bigint) => number;
  const out = new ARRAYS[dtype](raw.length);
  for (let i = 0; i < raw.length; i++) {
    const value = read(raw[i] as number | bigint);
    out[i] = value;
    if (width === 8 && dtype !== "f32" && out[i] !== value)
      throw new FormatError(`readSafetensors: ${quote(name)} (${stored}): element ${i} is ${raw[i]}, beyond ${dtype}`, {
        fix: "decode its `bytes`",
      });
  }
  return out;
}
