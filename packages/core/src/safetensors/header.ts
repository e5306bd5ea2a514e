import { FormatError } from "../errors/index.ts";
import type { Shape } from "../tensor/shape.ts";
import { parseStrict } from "./json.ts";

/** Stored types that can be read, and their bytes. */
export const STORED_BYTES = { F32: 4, F16: 2, BF16: 2, I32: 4, U32: 4 } as const;
export type StoredType = keyof typeof STORED_BYTES;

/** As in the reference implementation. */
export const HEADER_MAX = 100_000_000;

/** Where one tensor lies. */
export interface TensorEntry {
  readonly name: string;
  readonly stored: StoredType;
  readonly shape: Shape;
  /** Bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Record<string, string>;
  /** In the order of the header. */
  readonly entries: readonly TensorEntry[];
  /** Where the data starts in the file. */
  readonly dataStart: number;
}

/** Reads and checks the header of a safetensors file: everything that the data is trusted with afterwards. */
export function readHeader(bytes: Uint8Array): Header {
  if (bytes.length < 8)
    throw bad(`the file has ${bytes.length} bytes, and starts with 8 that give the length of its header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > HEADER_MAX) throw bad(`a header of ${length} bytes; at most ${HEADER_MAX} are allowed`);
  if (length > bytes.length - 8) throw bad(`a header of ${length} bytes in a file of ${bytes.length}`);
  const parsed = parseStrict(textOf(bytes.slice(8, 8 + length)), "readSafetensors: the header", true);
  if (!isObject(parsed)) throw bad("the header is not an object");
  const { __metadata__: metadata, ...tensors } = Object.assign(Object.create(null), parsed) as Record<string, unknown>;
  const entries = Object.entries(tensors).map(([name, value]) => readEntry(name, value));
  checkLayout(entries, bytes.length - 8 - length);
  return { metadata: readMetadata(metadata), entries, dataStart: 8 + length };
}

function textOf(bytes: Uint8Array): string {
  if (bytes[0] !== 0x7b) throw bad('the header does not start with "{"');
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw bad("the header is not UTF-8", cause);
  }
}

function readMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value) || !Object.values(value).every((entry) => typeof entry === "string"))
    throw bad("__metadata__ is not an object of strings");
  return value as Record<string, string>;
}

function readEntry(name: string, value: unknown): TensorEntry {
  const of = `tensor ${JSON.stringify(name.slice(0, 100))}`;
  if (!isObject(value)) throw bad(`${of} is not described by an object`);
  const { dtype, shape, data_offsets: offsets, ...others } = value;
  const unknown = Object.keys(others);
  if (unknown.length > 0) throw bad(`${of} has an unknown field ${JSON.stringify(unknown[0]?.slice(0, 100))}`);
  if (typeof dtype !== "string" || !Object.hasOwn(STORED_BYTES, dtype)) {
    throw bad(
      `${of} has dtype ${JSON.stringify(dtype)?.slice(0, 100)}; supported: ${Object.keys(STORED_BYTES).join(", ")}`,
    );
  }
  if (!isCounts(shape)) throw bad(`${of} has a shape that is not a list of counts`);
  if (!isCounts(offsets) || offsets.length !== 2) throw bad(`${of} has data_offsets that are not two counts`);
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw bad(`${of} ends (${end}) before it begins (${begin})`);
  const stored = dtype as StoredType;
  const size = shape.reduce((product, axis) => product * axis, STORED_BYTES[stored] as number);
  if (size !== end - begin)
    throw bad(
      `${of}: ${dtype} [${shape.slice(0, 16).join(", ")}] needs ${size} bytes, and its offsets hold ${end - begin}`,
    );
  return { name, stored, shape, begin, end };
}

/** Tensors lie one behind another, from 0 to the end of the file: no overlap, no hole, nothing left over. */
function checkLayout(entries: readonly TensorEntry[], dataBytes: number): void {
  let at = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const of = `tensor ${JSON.stringify(name.slice(0, 100))}`;
    if (begin < at) throw bad(`${of} begins at ${begin}, inside the tensor before it, which ends at ${at}`);
    if (begin > at) throw bad(`there is a hole of ${begin - at} bytes before ${of}`);
    if (end > dataBytes) throw bad(`${of} ends at ${end}, and the file holds ${dataBytes} bytes of data`);
    at = end;
  }
  if (at !== dataBytes) throw bad(`${dataBytes - at} bytes behind the last tensor belong to none`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((entry) => Number.isSafeInteger(entry) && entry >= 0);
}

function bad(what: string, cause?: unknown): FormatError {
  return new FormatError(`readSafetensors: ${what}`, {
    fix: "write the file again; it was damaged or is not a safetensors file",
    cause,
  });
}
