import { FormatError } from "../errors/index.ts";
import { quote } from "../errors/quote.ts";
import type { Shape } from "../tensor/shape.ts";
import { JsonCursor } from "./cursor.ts";
import { STORED_FORMS, type StoredType } from "./stored-types.ts";

/** How the format names types: F32, F8_E4M3, and others to come. */
const TYPE_NAME = /^[A-Z][A-Z0-9_]{1,30}$/;

const FIELDS = ["dtype", "shape", "data_offsets"];

/** As in the reference implementation. */
export const HEADER_MAX = 100_000_000;

/** Where one tensor lies. */
export interface TensorEntry {
  readonly stored: string;
  readonly shape: Shape;
  /** Bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Record<string, string>;
  /** By name, in the order of the header. */
  readonly entries: Map<string, TensorEntry>;
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
  const { metadata, entries } = parseHeader(textOf(bytes.subarray(8, 8 + length)));
  checkLayout(entries, bytes.length - 8 - length);
  return { metadata, entries, dataStart: 8 + length };
}

function textOf(bytes: Uint8Array): string {
  if (bytes[0] !== 0x7b) throw bad('the header does not start with "{"');
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw bad("the header is not UTF-8", cause);
  }
}

/**
 * One walk over the text, which knows what a header may hold and nothing else: JSON.parse, and looking for the names that it hides, take ten times the time and memory for a
 * million tensors. What is no header ends it where it stops being one.
 */
function parseHeader(text: string): Pick<Header, "metadata" | "entries"> {
  const json = new JsonCursor(text, (what) => bad(`the header ${what}`));
  const entries = new Map<string, TensorEntry>();
  let metadata: Record<string, string> | undefined;
  json.open(); // it starts with "{"
  for (let name = json.name(true); name !== undefined; name = json.name(false)) {
    if (name === "__metadata__" ? metadata : entries.has(name)) throw twice(name);
    if (name === "__metadata__") metadata = readMetadata(json);
    else entries.set(name, readEntry(json, name));
  }
  json.end();
  return { metadata: metadata ?? {}, entries };
}

function readMetadata(json: JsonCursor): Record<string, string> {
  const wrong = () => bad("__metadata__ is not an object of strings");
  const found = new Map<string, string>();
  if (!json.open()) throw wrong();
  for (let name = json.name(true); name !== undefined; name = json.name(false)) {
    const value = json.string();
    if (value === undefined) throw wrong();
    if (found.has(name)) throw twice(name);
    found.set(name, value);
  }
  return Object.fromEntries(found); // keeps __proto__ an ordinary name
}

function readEntry(json: JsonCursor, name: string): TensorEntry {
  const wrong = (what: string) => bad(`tensor ${quote(name)} ${what}`);
  let stored: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  if (!json.open()) throw wrong("is not described by an object");
  for (let field = json.name(true); field !== undefined; field = json.name(false)) {
    if (field === "dtype" && stored === undefined) {
      stored = json.string();
      if (stored === undefined || !TYPE_NAME.test(stored)) throw wrong(`has dtype ${quote(stored)}`);
    } else if (field === "shape" && !shape) {
      shape = json.counts();
      if (!shape) throw wrong("has a shape that is not a list of counts");
    } else if (field === "data_offsets" && !offsets) {
      offsets = json.counts();
      if (offsets?.length !== 2) throw wrong("has data_offsets that are not two counts");
    } else throw FIELDS.includes(field) ? twice(field) : wrong(`has an unknown field ${quote(field)}`);
  }
  if (stored === undefined || !shape || !offsets) throw wrong(`has not all of ${FIELDS.join(", ")}`);
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw wrong(`ends (${end}) before it begins (${begin})`);
  // Of a type that is new to us only the place is known.
  const width = Object.hasOwn(STORED_FORMS, stored) ? STORED_FORMS[stored as StoredType].width : undefined;
  const size = width === undefined ? end - begin : shape.reduce((product, axis) => product * axis, width as number);
  if (size !== end - begin) {
    const axes = shape.slice(0, 16).join(", ");
    throw wrong(`is ${stored} [${axes}], which needs ${size} bytes, and its offsets hold ${end - begin}`);
  }
  return { stored, shape, begin, end };
}

/** Tensors lie one behind another, from 0 to the end of the file: no overlap, no hole, nothing left over. */
function checkLayout(entries: ReadonlyMap<string, TensorEntry>, dataBytes: number): void {
  let at = 0;
  for (const [name, { begin, end }] of inOrder(entries)) {
    if (begin === at && end <= dataBytes) {
      at = end;
      continue;
    }
    const of = `tensor ${quote(name)}`;
    if (begin < at) throw bad(`${of} begins at ${begin}, inside the tensor before it, which ends at ${at}`);
    if (begin > at) throw bad(`there is a hole of ${begin - at} bytes before ${of}`);
    throw bad(`${of} ends at ${end}, and the file holds ${dataBytes} bytes of data`);
  }
  if (at !== dataBytes) throw bad(`${dataBytes - at} bytes behind the last tensor belong to none`);
}

/** By place. Files are written in this order, nearly always. */
function inOrder(entries: ReadonlyMap<string, TensorEntry>): Iterable<readonly [string, TensorEntry]> {
  let last = 0;
  for (const { begin, end } of entries.values()) {
    if (begin < last) return [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
    last = end;
  }
  return entries;
}

function twice(name: string): FormatError {
  return bad(`the header holds the name ${quote(name)} twice`);
}

function bad(what: string, cause?: unknown): FormatError {
  return new FormatError(`readSafetensors: ${what}`, {
    fix: "write the file again; it was damaged or is not a safetensors file",
    cause,
  });
}
