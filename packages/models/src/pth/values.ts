import type { StoredType } from "./storage-types.ts";

/** What unpickling gives. Dictionaries are Maps and lists arrays, so that plain objects can stand for everything else. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleMap
  | PickleFunction
  | NumpyType
  | StorageType
  | PthStorage
  | PthTensor;

/** Keys are text; see {@link keyText}. */
export interface PickleMap extends Map<string, PickleValue> {}

/** A global that the allow-list stands in for. */
export interface PickleFunction {
  readonly kind: "function";
  readonly name: string;
  readonly call: (args: readonly PickleValue[], newMap: () => PickleMap) => PickleValue;
}

/** A numpy dtype, such as "f8"; its byte order comes later, by BUILD. */
export interface NumpyType {
  readonly kind: "numpy";
  readonly code: string;
  order: string;
}

/** A class of torch's storages. */
export interface StorageType {
  readonly kind: "storage-type";
  readonly name: string;
  readonly type: StoredType;
}

/** An array of a file: `numel` elements. */
export interface PthStorage {
  readonly kind: "storage";
  readonly type: StoredType;
  readonly bytes: Uint8Array;
  readonly numel: number;
}

/** A view of a storage: element (i, j, ...) lies at offset + i·stride₀ + j·stride₁ + ... */
export interface PthTensor {
  readonly kind: "tensor";
  readonly storage: PthStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
}

/** The kind of a value that is neither data nor a container; undefined for those. */
export function kindOf(value: PickleValue): "function" | "numpy" | "storage-type" | "storage" | "tensor" | undefined {
  if (typeof value !== "object" || value === null || value instanceof Map || value instanceof Uint8Array)
    return undefined;
  return Array.isArray(value) ? undefined : value.kind;
}

export function isTensor(value: PickleValue): value is PthTensor {
  return kindOf(value) === "tensor";
}

/** A value in a message: what it is, not all that it holds. */
export function describe(value: PickleValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value instanceof Map) return "a dictionary";
  if (value instanceof Uint8Array) return "bytes";
  if (Array.isArray(value)) return "a list or tuple";
  if (typeof value === "object" && value !== null) return `a ${value.kind}`;
  return String(value).slice(0, 60);
}

/** A dictionary's key as text: numbers as they are written, tuples of them in parentheses. Undefined for what cannot be a name. */
export function keyText(key: PickleValue): string | undefined {
  if (Array.isArray(key)) {
    // A key is written out, and may be each time that the file names it: long parts would cost more than the file is long.
    const isShort = (part: PickleValue): boolean =>
      !Array.isArray(part) && !(typeof part === "string" && part.length > 64);
    const parts = key.length > 8 || !key.every(isShort) ? [undefined] : key.map(keyText);
    return parts.includes(undefined) ? undefined : `(${parts.join(", ")})`;
  }
  return typeof key === "object" && key !== null ? undefined : String(key);
}
