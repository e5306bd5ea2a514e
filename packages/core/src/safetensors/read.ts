import type { DType } from "../tensor/dtype.ts";
import type { Shape } from "../tensor/shape.ts";
import { readHeader, STORED_BYTES, type StoredType, type TensorEntry } from "./header.ts";

/** A tensor of a file, ready for `device.tensor(data, shape, { dtype })`. */
export interface SafeTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  /** f16: raw half-precision words. */
  readonly data: Float32Array | Uint16Array | Int32Array | Uint32Array;
}

/** What a safetensors file holds. */
export interface SafetensorsFile {
  readonly metadata: Record<string, string>;
  /** In the order of the header. */
  readonly tensors: Map<string, SafeTensor>;
}

/**
 * Reads a safetensors file: F32, F16, BF16 (widened to f32), I32 and U32. Where the alignment allows, the arrays are views of `bytes`.
 *
 * @throws FormatError for anything but a well-formed file of these types; a file from a stranger can do nothing else.
 * @see https://github.com/huggingface/safetensors#format
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  const { metadata, entries, dataStart } = readHeader(bytes);
  const tensors = new Map(
    entries.map((entry) => [
      entry.name,
      readTensor(bytes.subarray(dataStart + entry.begin, dataStart + entry.end), entry),
    ]),
  );
  return { metadata, tensors };
}

function readTensor(bytes: Uint8Array, { stored, shape }: TensorEntry): SafeTensor {
  const width = STORED_BYTES[stored];
  const { buffer, byteOffset, length } = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  const count = length / width;
  if (stored === "F32") return { dtype: "f32", shape, data: new Float32Array(buffer, byteOffset, count) };
  if (stored === "I32") return { dtype: "i32", shape, data: new Int32Array(buffer, byteOffset, count) };
  if (stored === "U32") return { dtype: "u32", shape, data: new Uint32Array(buffer, byteOffset, count) };
  const words = new Uint16Array(buffer, byteOffset, count);
  return stored === ("F16" satisfies StoredType)
    ? { dtype: "f16", shape, data: words }
    : { dtype: "f32", shape, data: widenBF16(words) };
}

/** A bfloat16 is the upper half of an f32. */
function widenBF16(words: Uint16Array): Float32Array {
  const bits = new Uint32Array(words.length);
  for (let i = 0; i < words.length; i++) bits[i] = (words[i] as number) << 16;
  return new Float32Array(bits.buffer);
}
