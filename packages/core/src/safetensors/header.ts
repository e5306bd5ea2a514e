import { FormatError } from "../errors/index.ts";
import { quote } from "../errors/quote.ts";
import type { Shape } from "../tensor/shape.ts";
import { parseStrict } from "./json.ts";
import { STORED_FORMS, type StoredType } from "./stored-types.ts";

/** How the format names types: F32, F8_E4M3, and others to come. */
const TYPE_NAME = /^[A-Z][A-Z0-9_]{1,30}$/;

/** As in the reference implementation. */
export const HEADER_MAX = 100_000_000;

/** Where one tensor lies. */
export interface TensorEntry {
  readonly name: string;
  readonly stored: string;
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
  const parsed = parseStrict(textOf(bytes.subarray(8, 8 + length)), "readSafetensors: the header", true);
  if (!isObject(parsed)) throw bad("the header is not an object");
  // Name by name: copies of an object of a million names take seconds.
  const metadata = Object.hasOwn(parsed, "__metadata__") ? parsed.__metadata__ : undefined;
  const entries: TensorEntry[] = [];
  for (const name of Object.keys(parsed)) if (name !== "__metadata__") entries.push(readEntry(name, parsed[name]));
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
  const wrong = (what: string) => bad(`tensor ${quote(name)} ${what}`);
  if (!isObject(value)) throw wrong("is not described by an object");
  for (const field in value)
    if (field !== "dtype" && field !== "shape" && field !== "data_offsets")
      throw wrong(`has an unknown field ${quote(field)}`);
  const { dtype: stored, shape, data_offsets: offsets } = value;
  if (typeof stored !== "string" || !TYPE_NAME.test(stored)) throw wrong(`has dtype ${quote(stored)}`);
  if (!isCounts(shape)) throw wrong("has a shape that is not a list of counts");
  if (!isCounts(offsets) || offsets.length !== 2) throw wrong("has data_offsets that are not two counts");
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw wrong(`ends (${end}) before it begins (${begin})`);
  // Of a type that is new to us only the place is known.
  const width = Object.hasOwn(STORED_FORMS, stored) ? STORED_FORMS[stored as StoredType].width : undefined;
  const size = width === undefined ? end - begin : shape.reduce((product, axis) => product * axis, width as number);
  if (size !== end - begin) {
    const axes = shape.slice(0, 16).join(", ");
    throw wrong(`is ${stored} [${axes}], which needs ${size} bytes, and its offsets hold ${end - begin}`);
  }
  return { name, stored, shape, begin, end };
}

/** Tensors lie one behind another, from 0 to the end of the file: no overlap, no hole, nothing left over. */
function checkLayout(entries: readonly TensorEntry[], dataBytes: number): void {
  let at = 0;
  const sorted = entries.every(({ begin }, i) => i === 0 || begin >= (entries[i - 1] as TensorEntry).end);
  const inOrder = sorted ? entries : [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  for (const { name, begin, end } of inOrder) {
    if (begin === at && end <= dataBytes) {
      at = end;
      continue;
    }
    const of = `tensor ${quote(name)}`;
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
