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

/** Tensors of a header in columns: a million objects take seconds and half a gigabyte. */
interface Columns {
  readonly stored: string[];
  /** Axes of all shapes, one shape behind another, and where each ends. */
  readonly axes: number[];
  readonly shapeEnds: number[];
  readonly begins: number[];
  readonly ends: number[];
}

/** Numbers of tensors by name, in the order of the header; what a Map is. */
export type Names = Pick<Map<string, number>, "has" | "set" | "keys" | "size">;

export interface Header {
  readonly metadata: Record<string, string>;
  readonly entry: (i: number) => TensorEntry;
  /** Where the data starts in the file. */
  readonly dataStart: number;
}

/** Tensors that are read between two chances of a pause: some milliseconds. */
const PART = 2 ** 12;

/**
 * Reads and checks the header of a safetensors file: everything that the data is trusted with afterwards. Stops after
 * each part of the work.
 *
 * @param names - is filled
 */
export function* readHeader(bytes: Uint8Array, names: Names): Generator<void, Header> {
  if (bytes.length < 8)
    throw bad(`the file has ${bytes.length} bytes, and starts with 8 that give the length of its header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > HEADER_MAX) throw bad(`a header of ${length} bytes; at most ${HEADER_MAX} are allowed`);
  if (length > bytes.length - 8) throw bad(`a header of ${length} bytes in a file of ${bytes.length}`);
  const columns: Columns = { stored: [], axes: [], shapeEnds: [], begins: [], ends: [] };
  const metadata = yield* parseHeader(textOf(bytes.subarray(8, 8 + length)), names, columns);
  checkLayout(names, columns, bytes.length - 8 - length);
  return { metadata, entry: (i) => entryOf(columns, i), dataStart: 8 + length };
}

function entryOf({ stored, axes, shapeEnds, begins, ends }: Columns, i: number): TensorEntry {
  return {
    stored: stored[i] as string,
    shape: axes.slice(i === 0 ? 0 : shapeEnds[i - 1], shapeEnds[i]),
    begin: begins[i] as number,
    end: ends[i] as number,
  };
}

/** At once: pieces that are put together take twice the memory, and longer. */
function textOf(bytes: Uint8Array): string {
  if (bytes[0] !== 0x7b) throw bad('the header does not start with "{"');
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw bad("the header is not UTF-8", cause);
  }
}

/**
 * One walk over the text, which knows what a header may hold and nothing else: JSON.parse, and looking for the names
 * that it hides, take ten times the time and memory for a million tensors. What is no header ends it where it stops
 * being one.
 */
function* parseHeader(text: string, names: Names, columns: Columns): Generator<void, Record<string, string>> {
  const json = new JsonCursor(text, (what) => bad(`the header ${what}`));
  const types = new Map(Object.keys(STORED_FORMS).map((type) => [type, type])); // one text each, not a million
  let metadata: Record<string, string> | undefined;
  json.open(); // it starts with "{"
  for (let name = json.name(true); name !== undefined; name = json.name(false)) {
    if (name === "__metadata__" ? metadata : names.has(name)) throw twice(name);
    if (name === "__metadata__") {
      metadata = readMetadata(json);
      continue;
    }
    const { stored, shape, begin, end } = readEntry(json, name);
    names.set(name, names.size);
    if (names.size % PART === 0) yield;
    columns.stored.push(types.get(stored) ?? stored);
    for (const axis of shape) columns.axes.push(axis);
    columns.shapeEnds.push(columns.axes.length);
    columns.begins.push(begin);
    columns.ends.push(end);
  }
  json.end();
  return metadata ?? {};
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
function checkLayout(names: Names, { begins, ends }: Columns, dataBytes: number): void {
  let at = 0;
  for (const i of inOrder(begins, ends)) {
    const [begin, end] = [begins[i] as number, ends[i] as number];
    if (begin === at && end <= dataBytes) {
      at = end;
      continue;
    }
    const of = `tensor ${quote([...names.keys()][i])}`;
    if (begin < at) throw bad(`${of} begins at ${begin}, inside the tensor before it, which ends at ${at}`);
    if (begin > at) throw bad(`there is a hole of ${begin - at} bytes before ${of}`);
    throw bad(`${of} ends at ${end}, and the file holds ${dataBytes} bytes of data`);
  }
  if (at !== dataBytes) throw bad(`${dataBytes - at} bytes behind the last tensor belong to none`);
}

/** Tensors by place; nearly always files name them in this order. */
function inOrder(begins: readonly number[], ends: readonly number[]): Iterable<number> {
  if (begins.every((begin, i) => i === 0 || begin >= (ends[i - 1] as number))) return begins.keys();
  const at = (list: readonly number[], i: number): number => list[i] as number;
  return [...begins.keys()].sort((a, b) => at(begins, a) - at(begins, b) || at(ends, a) - at(ends, b));
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
