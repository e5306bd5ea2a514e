import { join } from "node:path";
import type { Device } from "@dilated/core";

/** What is passed in place of each argument, by the name that lists use. */
export type WrongValues = Readonly<Record<string, unknown>>;

class Instance {
  readonly shape = [2, 4];
}

/** Values of wrong types, and numbers outside of every range; the same for all functions. */
export function wrongValues(device: Device, other: Device, folder: string): WrongValues {
  const gone = device.zeros([2, 4]);
  gone.dispose();
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const ring: unknown[] = [];
  ring.push(ring);
  return {
    undefined: undefined,
    null: null,
    true: true,
    "0": 0,
    "-1": -1,
    "1.5": 1.5,
    NaN: Number.NaN,
    Infinity: Number.POSITIVE_INFINITY,
    "2^31": 2 ** 31,
    "2^32": 2 ** 32,
    "2^53": 2 ** 53,
    bigint: 3n,
    symbol: Symbol("s"),
    string: join(folder, "text"), // an absolute path where a path is due
    function: () => undefined,
    "async function": async () => undefined,
    "{}": {},
    "[]": [],
    "[{}]": [{}],
    "[NaN]": [Number.NaN],
    "[2^31, 2^31]": [2 ** 31, 2 ** 31],
    "{ length: 2^40 }": { length: 2 ** 40 },
    "{ shape }": { shape: [2, 4] },
    "list of 2^32 - 1 holes": Object.assign([], { length: 2 ** 32 - 1 }),
    "{ default }": { default: () => undefined }, // a CommonJS module, imported as a whole
    cyclic,
    "cyclic list": ring,
    Map: new Map([["a", 1]]),
    Date: new Date(0),
    instance: new Instance(),
    ArrayBuffer: new ArrayBuffer(8),
    Float64Array: new Float64Array(2),
    BigInt64Array: new BigInt64Array(1),
    Proxy: new Proxy({}, { get: unreadable, has: unreadable, ownKeys: unreadable, getPrototypeOf: unreadable }),
    promise: Promise.resolve(1),
    device,
    "disposed tensor": gone,
    "tensor of another device": other.zeros([2, 4]),
    scalar: device.zeros([]),
    "empty tensor": device.zeros([0, 4]),
    "tensor of five axes": device.zeros([1, 1, 1, 1, 4]),
    "i32 tensor": device.zeros([2, 4], { dtype: "i32" }),
    "f16 tensor": device.zeros([2, 4], { dtype: "f16" }),
  };
}

function unreadable(): never {
  throw new RangeError("this object cannot be read");
}
