import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { FormatError, ShapeError } from "../errors/index.ts";
import { f32ToF16 } from "../tensor/float16.ts";
import { readSafetensors } from "./read.ts";
import { type TensorToWrite, writeSafetensors } from "./write.ts";

/** A file with this header, as text or as a value, and so many bytes of data. */
function file(header: unknown, dataBytes = 0, length?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const f32 = (shape: unknown, data_offsets: unknown) => ({ dtype: "F32", shape, data_offsets });

describe("writeSafetensors", () => {
  it("writes what readSafetensors reads", () => {
    const bytes = writeSafetensors(
      {
        h: { dtype: "f16", shape: [3], data: [1, -2.5, 65504] },
        a: { dtype: "f32", shape: [2, 2], data: [1, 2, 3, Math.PI] },
        i: { dtype: "i32", shape: [], data: [-7] },
        u: { dtype: "u32", shape: [1], data: [2 ** 32 - 1] },
        none: { dtype: "f32", shape: [0, 5], data: [] },
      },
      { format: "dilated", note: "ünï" },
    );
    const { metadata, tensors } = readSafetensors(bytes);
    expect(metadata).toEqual({ format: "dilated", note: "ünï" });
    expect(tensors.get("a")).toEqual({ dtype: "f32", shape: [2, 2], data: new Float32Array([1, 2, 3, Math.PI]) });
    expect(tensors.get("h")).toEqual({ dtype: "f16", shape: [3], data: f32ToF16([1, -2.5, 65504]) });
    expect(tensors.get("i")?.data).toEqual(new Int32Array([-7]));
    expect(tensors.get("u")?.data).toEqual(new Uint32Array([2 ** 32 - 1]));
    expect(tensors.get("none")?.shape).toEqual([0, 5]);
  });

  it("gives the same bytes in whatever order tensors come, and aligns the data", () => {
    const a = ["a", { dtype: "f32", shape: [1], data: [1] }] as const;
    const b = ["b", { dtype: "f16", shape: [1], data: [2] }] as const;
    const bytes = writeSafetensors([a, b], { x: "1", y: "2" });
    expect(writeSafetensors(new Map<string, TensorToWrite>([b, a]), { y: "2", x: "1" })).toEqual(bytes);
    expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
  });

  it("refuses names that do not work and arrays that do not fit", () => {
    const one = { dtype: "f32", shape: [1], data: [1] } as const;
    expect(() => writeSafetensors({ __metadata__: one })).toThrow(/reserved/);
    expect(() =>
      writeSafetensors([
        ["x", one],
        ["x", one],
      ]),
    ).toThrow(/twice/);
    expect(() => writeSafetensors({ x: { ...one, shape: [2] } })).toThrow(ShapeError);
  });
});

describe("readSafetensors", () => {
  it("widens BF16, and reads from an address that is not aligned", () => {
    const header = { __metadata__: {}, x: { dtype: "BF16", shape: [2], data_offsets: [0, 4] } };
    const bytes = file(header, 4);
    bytes.set([0x80, 0x3f, 0x20, 0xc1], bytes.length - 4);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(readSafetensors(bytes).tensors.get("x")?.data).toEqual(new Float32Array([1, -10]));
    expect(readSafetensors(shifted.subarray(1)).tensors.get("x")?.data).toEqual(new Float32Array([1, -10]));
  });

  const hostile: [name: string, bytes: Uint8Array, message: RegExp][] = [
    ["an empty file", new Uint8Array(0), /0 bytes/],
    ["a header longer than the file", file({}, 0, 100), /header of 100 bytes in a file of 10/],
    ["a header over 100 MB", file({}, 0, 100_000_001), /at most 100000000/],
    ["a header length over 2^53", file({}, 0, 2 ** 63), /at most/],
    ["an empty header", file("", 0), /does not start/],
    ["a byte order mark", file("\ufeff{}", 0), /does not start/],
    ["text that is not JSON", file("{]", 0), /not JSON/],
    [
      "text that is not UTF-8",
      (() => {
        const f = file('{"xx":1}');
        f[10] = 0xff;
        return f;
      })(),
      /not UTF-8/,
    ],
    ["a list", file("[]", 0), /does not start/],
    ["a tensor that is no object", file({ x: 3 }), /not described/],
    [
      "a repeated name",
      file(
        '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0078":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      /name "x" twice/,
    ],
    [
      "a repeated field",
      file('{"x":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,4]}}', 4),
      /name "dtype" twice/,
    ],
    [
      "a float as a count",
      file('{"x":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', 4),
      /header holds 1.0, which is not a count/,
    ],
    ["an exponent", file('{"x":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', 4), /not a count/],
    ["a negative axis", file({ x: f32([-1], [0, 4]) }, 4), /holds -1/],
    [
      "a count over 2^53",
      file('{"x":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}', 4),
      /list of counts/,
    ],
    ["a shape that overflows", file({ x: f32([2 ** 50, 2 ** 50, 2 ** 50], [0, 4]) }, 4), /needs/],
    ["a shape that is no list", file({ x: f32("4", [0, 4]) }, 4), /list of counts/],
    ["three offsets", file({ x: f32([1], [0, 4, 8]) }, 8), /two counts/],
    ["offsets in the wrong order", file({ x: f32([1], [4, 0]) }, 4), /before it begins/],
    ["a size that does not match", file({ x: f32([2], [0, 4]) }, 4), /needs 8 bytes/],
    ["data behind the end", file({ x: f32([1], [0, 4]) }, 0), /holds 0 bytes/],
    ["an overlap", file({ x: f32([2], [0, 8]), y: f32([1], [4, 8]) }, 8), /inside the tensor before/],
    ["a hole", file({ x: f32([1], [0, 4]), y: f32([1], [8, 12]) }, 12), /hole of 4 bytes/],
    ["bytes of no tensor", file({ x: f32([1], [0, 4]) }, 8), /4 bytes behind/],
    [
      "an unsupported dtype",
      file({ x: { dtype: "F64", shape: [1], data_offsets: [0, 8] } }, 8),
      /"F64"; supported: F32, F16, BF16, I32, U32/,
    ],
    [
      "a dtype from the prototype",
      file({ x: { dtype: "toString", shape: [1], data_offsets: [0, 8] } }, 8),
      /supported/,
    ],
    ["an unknown field", file({ x: { ...f32([1], [0, 4]), more: 1 } }, 4), /unknown field/],
    ["metadata that is no object of strings", file({ __metadata__: { a: 1 } }), /__metadata__/],
    ["deep nesting", file(`{"x":${"[".repeat(50_000)}${"]".repeat(50_000)}}`), /nested more than 100 deep/],
  ];
  it.each(hostile)("refuses %s", (_name, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(FormatError);
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  it("takes __proto__ for a name like any other", () => {
    const bytes = file('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4);
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(["__proto__"]);
  });

  const valid = writeSafetensors(
    {
      a: { dtype: "f32", shape: [2, 3], data: [1, 2, 3, 4, 5, 6] },
      b: { dtype: "f16", shape: [4], data: [1, 2, 3, 4] },
    },
    { k: "v" },
  );
  const change = fc.record({ at: fc.nat(valid.length - 1), byte: fc.nat(255) });

  property.prop([fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(valid.length)], { numRuns: 2000 })(
    "a damaged file is read or refused, never more",
    (changes, keep) => {
      const bytes = valid.slice(0, changes.length > 5 ? keep : valid.length);
      for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte;
      expectReadOrRefused(bytes);
    },
  );

  it("reads metadata of any length, and nests as deep as it likes without harm", () => {
    const note = JSON.stringify({ losses: '\\"'.repeat(3_000_000) });
    const { metadata } = readSafetensors(writeSafetensors({}, { note, other: "x".repeat(20_000_000) }));
    expect([metadata.note === note, metadata.other?.length]).toEqual([true, 20_000_000]);
    expectReadOrRefused(file(`{"x":${"[".repeat(2_000_000)}${"]".repeat(2_000_000)}}`));
    expectReadOrRefused(file(`${'{"x":'.repeat(500_000)}1${"}".repeat(500_000)}`));
  });

  const entry = fc.record({
    dtype: fc.oneof(fc.constantFrom("F32", "F16", "BF16", "I32"), fc.jsonValue()),
    shape: fc.oneof(fc.array(fc.oneof(fc.nat(4), fc.maxSafeInteger())), fc.jsonValue()),
    data_offsets: fc.oneof(fc.tuple(fc.nat(16), fc.nat(16)), fc.jsonValue()),
  });
  property.prop([fc.dictionary(fc.string(), fc.oneof(entry, fc.jsonValue())), fc.nat(32)], { numRuns: 1000 })(
    "a made-up header is read or refused, never more",
    (header, dataBytes) => {
      expectReadOrRefused(file(header, dataBytes));
    },
  );
});

function expectReadOrRefused(bytes: Uint8Array): void {
  try {
    for (const { shape, data } of readSafetensors(bytes).tensors.values())
      expect(data.length).toBe(shape.reduce((n, axis) => n * axis, 1));
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
  }
}
