import { bad, quote } from "./errors.ts";
import { describe, kindOf, type NumpyType, type PickleFunction, type PickleValue } from "./values.ts";

/** Numpy scalars and dtypes: training scripts keep such numbers beside the weights. */
const READERS: Readonly<Record<string, (view: DataView) => number | bigint | boolean>> = {
  f4: (view) => view.getFloat32(0, true),
  f8: (view) => view.getFloat64(0, true),
  i1: (view) => view.getInt8(0),
  i2: (view) => view.getInt16(0, true),
  i4: (view) => view.getInt32(0, true),
  i8: (view) => view.getBigInt64(0, true),
  u1: (view) => view.getUint8(0),
  u2: (view) => view.getUint16(0, true),
  u4: (view) => view.getUint32(0, true),
  u8: (view) => view.getBigUint64(0, true),
  b1: (view) => view.getUint8(0) !== 0,
};

/** `numpy.dtype("f8", align, copy)` */
export const numpyDtype: PickleFunction = {
  kind: "function",
  name: "numpy.dtype",
  call: ([code]) => {
    if (typeof code !== "string" || !Object.hasOwn(READERS, code))
      throw bad(`numpy.dtype of ${quote(describe(code))} is not read`);
    return { kind: "numpy", code, order: "|" };
  },
};

/** `numpy.core.multiarray.scalar(dtype, bytes)` */
export const numpyScalar: PickleFunction = {
  kind: "function",
  name: "numpy.core.multiarray.scalar",
  call: ([dtype, bytes]) => {
    if (dtype === undefined || kindOf(dtype) !== "numpy" || !(bytes instanceof Uint8Array))
      throw bad(`a numpy scalar of ${describe(dtype)} and ${describe(bytes)}`);
    const { code, order } = dtype as NumpyType;
    if (bytes.length !== Number(code[1]) || order === ">")
      throw bad(`a numpy scalar of type ${quote(order + code)} in ${bytes.length} bytes`);
    const value = READERS[code]?.(new DataView(bytes.buffer, bytes.byteOffset, bytes.length)) ?? null;
    return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
  },
};

/** `_codecs.encode(text, "latin1")`: how protocol 2 writes the bytes of a scalar. */
export const encodeLatin1: PickleFunction = {
  kind: "function",
  name: "_codecs.encode",
  call: ([text, codec]): PickleValue => {
    // Bytes of scalars only: a long text that is encoded again and again would cost more than the file is long.
    if (typeof text !== "string" || text.length > 16 || codec !== "latin1")
      throw bad(`_codecs.encode of ${describe(text)} is not read`);
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  },
};
