import { bad, quote } from "./errors.ts";

const END = { signature: 0x06054b50, bytes: 22, comment: 0xffff };
const END64 = { signature: 0x06064b50, bytes: 56 };
const LOCATOR = { signature: 0x07064b50, bytes: 20 };
const CENTRAL = { signature: 0x02014b50, bytes: 46 };
const LOCAL = { signature: 0x04034b50, bytes: 30 };
/** In a field of 32 bits: the value stands in the zip64 field instead. */
const ELSEWHERE = 0xffffffff;

/** Gives the bytes of an entry, or throws for what is not simply stored. */
export type ZipEntry = () => Uint8Array;

/**
 * Entries of a zip archive by name, as views of `bytes`. `torch.save` stores without compression, so nothing is inflated and nothing allocated, whatever
 * sizes the archive claims; compressed entries are refused.
 *
 * @see APPNOTE.TXT 6.3.10, sections 4.3.6 to 4.5.3 (zip64)
 */
export function readZip(bytes: Uint8Array): Map<string, ZipEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { count, begin, end } = readDirectory(view);
  const entries = new Map<string, ZipEntry>();
  let at = begin;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL.bytes > end || view.getUint32(at, true) !== CENTRAL.signature) throw broken(`entry ${i}`);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const nameAt = at + CENTRAL.bytes;
    const next = nameAt + (nameBytes ?? 0) + (extraBytes ?? 0) + (commentBytes ?? 0);
    if (next > end) throw broken(`entry ${i}`);
    const name = new TextDecoder().decode(bytes.subarray(nameAt, nameAt + (nameBytes ?? 0)));
    if (entries.has(name)) throw broken(`two entries are named ${quote(name)}`);
    const central = at;
    entries.set(name, () => readEntry(bytes, view, central, name, begin));
    at = next;
  }
  return entries;
}

function readDirectory(view: DataView): { count: number; begin: number; end: number } {
  const at = findEnd(view);
  const locator = at - LOCATOR.bytes;
  let [count, size, begin] = [
    view.getUint16(at + 10, true),
    view.getUint32(at + 12, true),
    view.getUint32(at + 16, true),
  ];
  let end = at;
  if (locator >= 0 && view.getUint32(locator, true) === LOCATOR.signature) {
    end = readU64(view, locator + 8);
    if (end + END64.bytes > locator || view.getUint32(end, true) !== END64.signature) throw broken("the zip64 record");
    [count, size, begin] = [readU64(view, end + 32), readU64(view, end + 40), readU64(view, end + 48)];
  }
  if (begin + size > end || count * CENTRAL.bytes > size)
    throw broken(`a directory of ${count} entries in ${size} bytes`);
  return { count, begin, end: begin + size };
}

/** The end record is the last thing in the file, before a comment whose length it holds. */
function findEnd(view: DataView): number {
  const last = view.byteLength - END.bytes;
  for (let at = last; at >= Math.max(0, last - END.comment); at--) {
    if (view.getUint32(at, true) === END.signature && view.getUint16(at + 20, true) === last - at) return at;
  }
  throw broken("no end record");
}

/** @param directory - where the directory begins: entries lie before it */
function readEntry(bytes: Uint8Array, view: DataView, central: number, name: string, directory: number): Uint8Array {
  const method = view.getUint16(central + 10, true);
  const encrypted = (view.getUint16(central + 8, true) & 1) === 1;
  if (method !== 0 || encrypted) {
    throw bad(
      `${quote(name)} is ${encrypted ? "encrypted" : "compressed"}; torch.save stores entries as they are`,
      "unpack the archive and zip it again without compression (zip -0 -r)",
    );
  }
  const [packed, size, at] = sizesOf(view, central, name);
  if (packed !== size) throw broken(`${quote(name)} is stored, in ${packed} bytes, and has ${size}`);
  if (at + LOCAL.bytes > directory || view.getUint32(at, true) !== LOCAL.signature)
    throw broken(`${quote(name)} begins at ${at}`);
  const begin = at + LOCAL.bytes + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  if (begin + size > directory)
    throw broken(`${quote(name)} has ${size} bytes from ${begin} on, and the directory begins at ${directory}`);
  return bytes.subarray(begin, begin + size);
}

/** Packed size, size and offset of an entry; those that do not fit 32 bits stand, in the order size, packed size, offset, in its zip64 field. */
function sizesOf(view: DataView, central: number, name: string): [packed: number, size: number, at: number] {
  const [packed, size, at] = [20, 24, 42].map((field) => view.getUint32(central + field, true)) as [
    number,
    number,
    number,
  ];
  if (packed !== ELSEWHERE && size !== ELSEWHERE && at !== ELSEWHERE) return [packed, size, at];
  let field = central + CENTRAL.bytes + view.getUint16(central + 28, true);
  const end = field + view.getUint16(central + 30, true);
  while (field + 4 <= end && view.getUint16(field, true) !== 1) field += 4 + view.getUint16(field + 2, true);
  const next = (value: number): number => {
    if (value !== ELSEWHERE) return value;
    if (field + 12 > end) throw broken(`the zip64 field of ${quote(name)}`);
    const wide = readU64(view, field + 4);
    field += 8;
    return wide;
  };
  const wideSize = next(size);
  return [next(packed), wideSize, next(at)];
}

function readU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

function broken(what: string): Error {
  return bad(`the zip archive is damaged: ${what}`, "download or write the file again");
}
